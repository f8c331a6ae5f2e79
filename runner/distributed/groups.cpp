#include "runner/distributed/groups.h"

#include <fmt/format.h>

#include <algorithm>
#include <map>
#include <nlohmann/json.hpp>
#include <set>
#include <stdexcept>

#include "base/host.h"

namespace medsweep::runner {
namespace {

/// Every rank's node, on every rank.
std::vector<std::string> all_nodes(Communicator& world) {
  const auto gathered = world.gather(host_name());
  return nlohmann::json::parse(world.broadcast(nlohmann::json(gathered).dump()));
}

}  // namespace

std::vector<int> assign_groups(const std::vector<std::string>& nodes, int ranks_per_trial) {
  const auto each = std::size_t(ranks_per_trial);
  std::map<std::string, std::vector<std::size_t>> members;
  for (std::size_t rank = 0; rank < nodes.size(); ++rank) members[nodes[rank]].push_back(rank);
  std::vector<std::vector<std::size_t>> groups;
  std::vector<std::size_t> rest;
  for (const auto& [node, ranks] : members) {
    const std::size_t whole = ranks.size() / each * each;
    for (std::size_t i = 0; i < whole; i += each)
      groups.emplace_back(ranks.begin() + long(i), ranks.begin() + long(i + each));
    rest.insert(rest.end(), ranks.begin() + long(whole), ranks.end());
  }
  std::sort(rest.begin(), rest.end());
  for (std::size_t i = 0; i + each <= rest.size(); i += each)
    groups.emplace_back(rest.begin() + long(i), rest.begin() + long(i + each));
  std::sort(groups.begin(), groups.end());
  std::vector<int> assigned(nodes.size(), -1);
  for (std::size_t group = 0; group < groups.size(); ++group)
    for (const std::size_t rank : groups[group]) assigned[rank] = int(group);
  return assigned;
}

Groups split_into_groups(Communicator& world, int ranks_per_trial) {
  if (ranks_per_trial < 1 || ranks_per_trial > world.size())
    throw std::invalid_argument(
        fmt::format("[groups] --ranks-per-trial {} with {} ranks; 1...{} is allowed",
                    ranks_per_trial, world.size(), world.size()));
  const auto nodes = all_nodes(world);
  const auto assigned = assign_groups(nodes, ranks_per_trial);
  Groups groups;
  groups.index = assigned[std::size_t(world.rank())];
  groups.mine = world.split(groups.index);
  std::map<int, std::set<std::string>> nodes_of;
  for (std::size_t rank = 0; rank < assigned.size(); ++rank) {
    if (assigned[rank] < 0)
      groups.idle_ranks.push_back(int(rank));
    else
      nodes_of[assigned[rank]].insert(nodes[rank]);
  }
  groups.count = int(nodes_of.size());
  for (const auto& [group, where] : nodes_of)
    if (where.size() > 1) groups.spanning_groups.push_back(group);
  return groups;
}

}  // namespace medsweep::runner
