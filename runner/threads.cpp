#include "runner/threads.h"

#include <ATen/Parallel.h>
#include <sched.h>

#include <algorithm>
#include <cstdlib>
#include <nlohmann/json.hpp>

#include "base/files.h"
#include "base/host.h"

namespace medsweep::runner {

RankPlace own_place() {
  cpu_set_t mask;
  CPU_ZERO(&mask);
  check_errno(sched_getaffinity(0, sizeof mask, &mask), "threads", "sched_getaffinity failed");
  RankPlace place{host_name(), {}};
  for (int core = 0; core < CPU_SETSIZE; ++core)
    if (CPU_ISSET(core, &mask)) place.cores.push_back(core);
  return place;
}

std::int64_t thread_share(const RankPlace& own, const std::vector<RankPlace>& all) {
  const auto sharing = std::max<std::int64_t>(std::ranges::count(all, own), 1);
  return std::max<std::int64_t>(static_cast<std::int64_t>(own.cores.size()) / sharing, 1);
}

std::int64_t set_compute_threads(Communicator& world) {
  const RankPlace own = own_place();
  const std::string text = nlohmann::json{{"host", own.host}, {"cores", own.cores}}.dump();
  const std::string list = world.broadcast(nlohmann::json(world.gather(text)).dump());
  std::vector<RankPlace> all;
  for (const auto& element : nlohmann::json::parse(list)) {
    const auto place = nlohmann::json::parse(element.get<std::string>());
    all.push_back({place.at("host"), place.at("cores")});
  }
  // torch has read OMP_NUM_THREADS by itself.
  if (std::getenv("OMP_NUM_THREADS") == nullptr)
    at::set_num_threads(static_cast<int>(thread_share(own, all)));
  return at::get_num_threads();
}

}  // namespace medsweep::runner
