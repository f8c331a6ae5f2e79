#include "runner/doctor/checks.h"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <map>
#include <set>

namespace medsweep::runner {
namespace {

constexpr double kGiB = 1024.0 * 1024 * 1024;

/// What a node's ranks have together.
struct NodeLoad {
  int ranks = 0, threads = 0;
  std::set<int> cores;
  double core_quota = 0, memory_bytes = 0;
  std::string memory_source;
};

/// Of each rank: what OMP_NUM_THREADS says, else what the program takes.
std::vector<int> thread_counts(const std::vector<RankFacts>& facts) {
  std::vector<RankPlace> places;
  for (const auto& rank : facts) places.push_back(rank.place);
  std::vector<int> counts;
  for (const auto& rank : facts)
    counts.push_back(rank.threads > 0 ? rank.threads : int(thread_share(rank.place, places)));
  return counts;
}

std::map<std::string, NodeLoad> node_loads(const std::vector<RankFacts>& facts) {
  const auto threads = thread_counts(facts);
  std::map<std::string, NodeLoad> nodes;
  for (std::size_t rank = 0; rank < facts.size(); ++rank) {
    auto& node = nodes[facts[rank].place.host];
    ++node.ranks;
    node.threads += threads[rank];
    node.cores.insert(facts[rank].place.cores.begin(), facts[rank].place.cores.end());
    node.core_quota = facts[rank].core_quota;
    node.memory_bytes = facts[rank].memory_bytes;
    node.memory_source = facts[rank].memory_source;
  }
  return nodes;
}

double available_cores(const NodeLoad& node) {
  const double cores = double(node.cores.size());
  return node.core_quota > 0 ? std::min(cores, node.core_quota) : cores;
}

Finding too_many_for_rank(std::size_t rank, int threads, const std::vector<int>& cores) {
  return {"threads",
          fmt::format("rank {} has {} threads on {} core(s): {}", rank, threads, cores.size(),
                      fmt::join(cores, " ")),
          Severity::kProblem,
          fmt::format("mpirun: --bind-to none or --map-by slot:PE={}; srun: --cpus-per-task={}; or "
                      "OMP_NUM_THREADS={}",
                      threads, threads, cores.size())};
}

Finding too_many_for_node(const std::string& name, const NodeLoad& node) {
  const double cores = available_cores(node);
  Finding finding{"threads",
                  fmt::format("{}: {} ranks with {} threads together on {} core(s)", name,
                              node.ranks, node.threads, cores),
                  Severity::kProblem,
                  "start fewer ranks on this node, or let them run on all its cores "
                  "(mpirun --bind-to none)"};
  if (node.ranks <= cores)
    finding.remedy = fmt::format("OMP_NUM_THREADS={}", int(cores) / node.ranks);
  return finding;
}

}  // namespace

Finding check_ranks(const std::vector<RankFacts>& facts) {
  const auto nodes = node_loads(facts).size();
  Finding finding{"ranks",
                  fmt::format("{} on {} node{}, started by {}", facts.size(), nodes,
                              nodes == 1 ? "" : "s", facts[0].launcher),
                  Severity::kOk, ""};
  if (facts[0].launcher != "alone" || facts[0].slurm_tasks <= 1) return finding;
  finding.value += fmt::format(", in a Slurm job of {} tasks", facts[0].slurm_tasks);
  finding.severity = Severity::kWarn;
  finding.remedy = "one process runs: start it with srun --mpi=pmix, or with mpirun";
  return finding;
}

Finding check_mpi_library(const std::vector<RankFacts>& facts) {
  const auto& first = facts[0];
  Finding finding{"mpi", first.mpi_library, Severity::kOk, ""};
  if (first.mpi_thread_level.empty()) {
    finding.value += ", not started (one process does without)";
    return finding;
  }
  finding.value += fmt::format(", thread level {}", first.mpi_thread_level);
  for (const auto& rank : facts)
    if (rank.mpi_library != first.mpi_library) {
      finding.severity = Severity::kProblem;
      finding.value += fmt::format("; {} on {}", rank.mpi_library, rank.place.host);
      finding.remedy = "load the same MPI on every node";
    }
  if (first.mpi_thread_level == "multiple") return finding;
  finding.severity = Severity::kProblem;
  finding.remedy = "use an Open MPI that grants MPI_THREAD_MULTIPLE (ompi_info | grep Thread)";
  return finding;
}

Finding check_threads(const std::vector<RankFacts>& facts) {
  const auto threads = thread_counts(facts);
  for (std::size_t rank = 0; rank < facts.size(); ++rank)
    if (threads[rank] > int(facts[rank].place.cores.size()))
      return too_many_for_rank(rank, threads[rank], facts[rank].place.cores);
  for (const auto& [name, node] : node_loads(facts))
    if (node.threads > available_cores(node)) return too_many_for_node(name, node);
  return {"threads",
          fmt::format("{} a rank on {} core(s){}", threads[0], facts[0].place.cores.size(),
                      facts[0].threads > 0 ? " (OMP_NUM_THREADS)" : ""),
          Severity::kOk, ""};
}

Finding check_memory(const std::vector<RankFacts>& facts, double memory_per_rank_bytes) {
  Finding finding{"memory", "", Severity::kOk, ""};
  double worst = -1;
  for (const auto& [name, node] : node_loads(facts)) {
    const double share = node.ranks / node.memory_bytes;
    if (share <= worst) continue;
    worst = share;
    finding.value = fmt::format("{}: {:.1f} GiB ({}), {:.1f} GiB for each of {} ranks", name,
                                node.memory_bytes / kGiB, node.memory_source,
                                node.memory_bytes / kGiB / node.ranks, node.ranks);
  }
  if (memory_per_rank_bytes <= 0) return finding;
  finding.value += fmt::format("; a rank will take {:.1f} GiB", memory_per_rank_bytes / kGiB);
  const double used = worst * memory_per_rank_bytes;
  if (used <= 0.8) return finding;
  finding.severity = used > 1 ? Severity::kProblem : Severity::kWarn;
  finding.remedy =
      "start fewer ranks a node, ask for more memory (--mem), or lower batch_size or "
      "patch";
  return finding;
}

Finding check_gpus(const std::vector<RankFacts>& facts) {
  int least = facts[0].gpus, most = facts[0].gpus;
  for (const auto& rank : facts) {
    least = std::min(least, rank.gpus);
    most = std::max(most, rank.gpus);
  }
  if (most == 0) return {"gpu", "no driver or no device; the processor is used", Severity::kOk, ""};
  if (least == most) return {"gpu", fmt::format("{} seen by every rank", most), Severity::kOk, ""};
  return {"gpu", fmt::format("{} to {} seen by a rank", least, most), Severity::kWarn,
          "give every rank a device (--gpus-per-task=1), or run where there is none"};
}

std::vector<Finding> check_disk(const DiskFacts& facts) {
  Finding room{
      "disk",
      fmt::format("{:.1f} GiB free in {}{}", facts.free_bytes / kGiB, facts.folder.string(),
                  facts.has_quota   ? " (within the quota)"
                  : facts.is_remote ? " (a quota cannot be seen from here: quota -s)"
                                    : ""),
      Severity::kOk, ""};
  if (facts.free_bytes < 10 * kGiB) {
    room.severity = facts.free_bytes < kGiB ? Severity::kProblem : Severity::kWarn;
    room.remedy = "free some room (runner gc), or choose another folder (--runs)";
  }
  if (!facts.free_files) return {room};
  Finding files{"disk", fmt::format("{:.0f} more files possible", *facts.free_files), Severity::kOk,
                ""};
  if (*facts.free_files < 10000) {
    files.severity = *facts.free_files < 1000 ? Severity::kProblem : Severity::kWarn;
    files.remedy = "remove small files (runner gc), or choose another folder (--runs)";
  }
  return {room, files};
}

std::vector<Finding> check_storage(const StorageFacts& facts) {
  std::vector<Finding> findings;
  const auto add = [&](std::string value, bool fails, bool slow, std::string remedy) {
    const auto severity = fails ? Severity::kProblem : slow ? Severity::kWarn : Severity::kOk;
    findings.push_back({"storage", std::move(value), severity,
                        severity == Severity::kOk ? "" : std::move(remedy)});
  };
  add(fmt::format("fsync {:.1f} ms", facts.fsync_ms), false, facts.fsync_ms > 200,
      "records are flushed at most once a second; a faster file system for --runs is better");
  add(fmt::format("O_EXCL: {} of {} files were made by exactly one rank", facts.exclusive,
                  facts.rounds),
      facts.exclusive != facts.rounds, false, "use another file system, or NFS version 3 or later");
  add(fmt::format("rename {:.1f} ms, {} of {} reads saw a whole file", facts.rename_ms,
                  facts.whole_reads, facts.reads),
      facts.whole_reads != facts.reads, facts.rename_ms > 200,
      "checkpoints are renamed when they are whole: use a file system where that is atomic");
  add(facts.append_visible_ms
          ? fmt::format("an appended line is seen after {:.1f} ms", *facts.append_visible_ms)
          : "an appended line was not seen by every rank",
      !facts.append_visible_ms, facts.append_visible_ms.value_or(0) > 10000,
      "readers see others' results late: mount with a shorter attribute cache (NFS: actimeo=3)");
  const bool fit = facts.exclusive == facts.rounds && facts.whole_reads == facts.reads &&
                   facts.append_visible_ms.has_value();
  add(fmt::format("{} is {}fit for journals", facts.folder.string(), fit ? "" : "not "), !fit,
      false, "choose another folder for results (--runs)");
  return findings;
}

}  // namespace medsweep::runner
