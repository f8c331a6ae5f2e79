#pragma once

#include <filesystem>
#include <string>
#include <vector>

#include "sweeps/expansion.h"
#include "sweeps/identity.h"
#include "sweeps/naming.h"

namespace medsweep::sweeps {

/// Knobs without default that a trial does not set are problems.
void check_required(const Expansion& expansion, const SettingBook& book,
                    const std::filesystem::path& study, Findings& findings);

/// An axis whose value decides nothing in any trial (it is overwritten, its option belongs to
/// another row, or the knob has no effect) is a problem.
void check_axes_used(const Expansion& expansion, const Plan& plan, IdentityMaker& maker,
                     SettingBook& book, Findings& findings);

/// What Schema::refuse says of trials whose names are all known: a problem each, with the first
/// trial that it concerns.
void check_refused(const Expansion& expansion, IdentityMaker& maker, const Schema& schema,
                   const SettingBook& book, const Naming& naming,
                   const std::filesystem::path& study, Findings& findings);

/// StudyOptions::only: keys must all fit, a repeated key means either. `name` is a trial's name.
class OnlyFilter {
 public:
  OnlyFilter(const std::vector<Member>& only, SettingBook& book);
  bool passes(const State& state, const std::string& name) const;

 private:
  std::vector<Condition> conditions_;
  std::vector<std::string> names_;
};

}  // namespace medsweep::sweeps
