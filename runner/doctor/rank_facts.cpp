#include "runner/doctor/rank_facts.h"

#include <cstdlib>
#include <nlohmann/json.hpp>

#include "runner/distributed/mpi_session.h"
#include "runner/doctor/cgroup.h"
#include "runner/doctor/gpu.h"

namespace medsweep::runner {
namespace {

int environment_number(const char* name) {
  const char* text = std::getenv(name);
  return text ? std::atoi(text) : 0;
}

}  // namespace

RankFacts read_rank_facts(const std::filesystem::path& root) {
  RankFacts facts;
  facts.place = own_place();
  facts.threads = environment_number("OMP_NUM_THREADS");
  const auto limits = read_limits(root);
  facts.core_quota = limits.cores.value_or(0);
  facts.memory_bytes = limits.node_memory_bytes;
  facts.memory_source = "node";
  if (limits.memory_bytes && *limits.memory_bytes < facts.memory_bytes) {
    facts.memory_bytes = *limits.memory_bytes;
    facts.memory_source = "cgroup";
  }
  facts.gpus = count_gpus();
  facts.launcher = to_string(detect_launch().launcher);
  facts.slurm_tasks = environment_number("SLURM_NTASKS");
  const auto mpi = mpi_facts();
  facts.mpi_library = mpi.library;
  facts.mpi_thread_level = mpi.thread_level;
  return facts;
}

nlohmann::ordered_json to_json(const RankFacts& facts) {
  return {{"node", facts.place.host},
          {"cores", facts.place.cores},
          {"threads", facts.threads},
          {"core_quota", facts.core_quota},
          {"memory_bytes", facts.memory_bytes},
          {"memory_source", facts.memory_source},
          {"gpus", facts.gpus},
          {"launcher", facts.launcher},
          {"slurm_tasks", facts.slurm_tasks},
          {"mpi_library", facts.mpi_library},
          {"mpi_thread_level", facts.mpi_thread_level}};
}

RankFacts rank_facts_from_json(const nlohmann::json& json) {
  RankFacts facts;
  json.at("node").get_to(facts.place.host);
  json.at("cores").get_to(facts.place.cores);
  json.at("threads").get_to(facts.threads);
  json.at("core_quota").get_to(facts.core_quota);
  json.at("memory_bytes").get_to(facts.memory_bytes);
  json.at("memory_source").get_to(facts.memory_source);
  json.at("gpus").get_to(facts.gpus);
  json.at("launcher").get_to(facts.launcher);
  json.at("slurm_tasks").get_to(facts.slurm_tasks);
  json.at("mpi_library").get_to(facts.mpi_library);
  json.at("mpi_thread_level").get_to(facts.mpi_thread_level);
  return facts;
}

}  // namespace medsweep::runner
