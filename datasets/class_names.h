#pragma once

#include <string>
#include <vector>

#include "datasets/data_pool.h"

namespace medsweep::datasets {

/// Throws std::invalid_argument for a task without classes or with one twice.
void check_distinct(const std::string& task, std::vector<std::string> classes);

/// Where `name` stands among the member's classes, as its stored label. Throws
/// std::invalid_argument with the nearest known name where it does not.
std::size_t stored_label(const PoolMember& member, const std::string& name);

/// The classes whose union one of the study's classes is: those of a region of the member, or
/// itself.
std::vector<std::string> parts_of(const PoolMember& member, const std::string& name);

}  // namespace medsweep::datasets
