#include "sweeps/plan_reader.h"

#include <algorithm>
#include <array>
#include <numeric>

namespace medsweep::sweeps {
namespace {

constexpr std::array<std::string_view, 16> kTables{
    "name", "title",   "needs",   "trial",  "define", "axes",     "zip",    "union",
    "when", "exclude", "require", "repeat", "split",  "evaluate", "search", "ensemble"};
constexpr std::array<std::string_view, 1> kLaterTables{"import"};
constexpr std::array<std::string_view, 4> kUnionKeys{"axes", "zip", "trial", "exclude"};
constexpr std::array<std::string_view, 2> kWhenKeys{"match", "set"};
constexpr std::array<std::string_view, 2> kRepeatKeys{"seeds", "folds"};
constexpr std::array<std::string_view, 2> kSearchKeys{"method", "early_stop"};
constexpr std::array<std::string_view, 3> kLaterMethods{"random", "asha", "race"};

bool holds(std::span<const std::string_view> names, std::string_view name) {
  return std::ranges::find(names, name) != names.end();
}

}  // namespace

void check_tables(const Table& document, Findings& findings) {
  std::vector<std::string_view> known(kTables.begin(), kTables.end());
  known.push_back("table");
  Table rest;
  for (const Member& member : document) {
    if (holds(kLaterTables, member.key))
      findings.of_unknown_names().add(member.at, "[[{}]] comes in a later version", member.key);
    else
      rest.push_back(member);
  }
  check_keys(rest, "study", known, findings.problems);
}

PlanReader::PlanReader(const Value& document, const std::vector<Member>& set, SettingBook& book,
                       Findings& findings)
    : document_(document),
      book_(book),
      findings_(findings),
      forced_(read_assignments(set, "--set", Nesting::kWholeValues, book)) {}

const Value* PlanReader::table(std::string_view key) {
  const Value* value = document_.find(key);
  if (value == nullptr || value->table()) return value;
  findings_.problems.add(value->at, "[{}] is {}; a table is allowed", key, type_name(*value));
  return nullptr;
}

std::vector<const Value*> PlanReader::tables(const Value& parent, std::string_view key) {
  std::vector<const Value*> out;
  const Value* value = parent.find(key);
  if (value == nullptr) return out;
  const auto add = [&](const Value& one) {
    if (one.table())
      out.push_back(&one);
    else
      findings_.problems.add(one.at, "[[{}]] is {}; tables are allowed", key, type_name(one));
  };
  if (const Array* array = value->array())
    std::ranges::for_each(*array, add);
  else
    add(*value);
  return out;
}

State PlanReader::base_state(const std::vector<Assignment>& trial) {
  State state(book_.size());
  for (std::size_t knob = 0; knob < book_.size(); ++knob) state[knob] = book_.standard(knob);
  state.resize(book_.size());
  apply(trial, state, book_);
  for (const std::string_view key : {"split", "evaluate"})
    if (const Value* own = table(key)) {
      const Table table{{std::string(key), own->at, *own}};
      apply(read_assignments(table, "study", Nesting::kWholeValues, book_), state, book_);
    }
  read_search(state);
  apply(forced_, state, book_);
  return state;
}

void PlanReader::read_search(State& base) {
  const Value* search = table("search");
  if (search == nullptr) return;
  check_keys(*search->table(), "search", kSearchKeys, findings_.problems);
  if (const Value* method = search->find("method")) {
    const std::string name = plain_text(*method);
    if (holds(kLaterMethods, name))
      findings_.of_unknown_names().add(method->at, "[search] method '{}' comes in a later version",
                                       name);
    else if (name != "grid")
      findings_.problems.add(method->at, "[search] method '{}'; grid is allowed", name);
  }
  if (const Value* early_stop = search->find("early_stop")) {
    const Table table{{"early_stop", early_stop->at, *early_stop}};
    apply(read_assignments(table, "search", Nesting::kWholeValues, book_), base, book_);
  }
}

Plan PlanReader::read() {
  Plan plan;
  const Value* trial = table("trial");
  const std::vector<Assignment> shared =
      trial ? read_assignments(*trial->table(), "trial", Nesting::kWholeValues, book_)
            : std::vector<Assignment>{};
  Grid grid{"axes", base_state(shared), {}, {}, {}};
  grid.axes =
      read_axes(document_.find("axes"), document_.find("zip"), forced_, "axes", book_, findings_);
  plan.grids.push_back(std::move(grid));
  for (const Value* one : tables(document_, "union")) read_union(*one, shared, plan);
  read_whens(plan);
  read_conditions(document_, "exclude", plan.excludes);
  read_conditions(document_, "require", plan.requires_);
  plan.forced = forced_;
  read_repeat(plan);
  return plan;
}

void PlanReader::read_union(const Value& table, const std::vector<Assignment>& trial, Plan& plan) {
  check_keys(*table.table(), "union", kUnionKeys, findings_.problems);
  Grid grid{"union", {}, {}, {}, {}};
  std::vector<Assignment> all = trial;
  if (const Value* own = table.find("trial"); own && own->table())
    for (Assignment& one :
         read_assignments(*own->table(), "union.trial", Nesting::kWholeValues, book_)) {
      if (std::ranges::find(forced_, one.path, &Assignment::path) == forced_.end())
        grid.trial_knobs.push_back(one.path);
      all.push_back(std::move(one));
    }
  grid.base = base_state(all);
  grid.axes =
      read_axes(table.find("axes"), table.find("zip"), forced_, "union.axes", book_, findings_);
  read_conditions(table, "exclude", grid.excludes);
  plan.grids.push_back(std::move(grid));
}

void PlanReader::read_whens(Plan& plan) {
  for (const Value* when : tables(document_, "when")) {
    check_keys(*when->table(), "when", kWhenKeys, findings_.problems);
    const Value* match = when->find("match");
    const Value* set = when->find("set");
    if (!match || !match->table() || !set || !set->table()) {
      findings_.problems.add(when->at, "[[when]] wants match = {{ ... }} and set = {{ ... }}");
      continue;
    }
    std::vector<Assignment> assignments =
        read_assignments(*set->table(), "when.set", Nesting::kWholeValues, book_);
    for (const Assignment& one : assignments)
      if (one.path.option.empty()) book_.make(one.path.knob, *one.value);
    plan.whens.push_back(
        {Condition(*match->table(), match->at, "when.match", book_), std::move(assignments)});
  }
}

void PlanReader::read_conditions(const Value& parent, std::string_view key,
                                 std::vector<Condition>& out) {
  for (const Value* one : tables(parent, key)) {
    if (one->table()->empty())
      findings_.problems.add(one->at, "[[{}]] is empty; one or more knobs are allowed", key);
    else
      out.emplace_back(*one->table(), one->at, key, book_);
  }
}

const Setting* PlanReader::setting(std::string_view knob, std::int64_t value, const Position& at) {
  return book_.make(*book_.find(knob), book_.keep({value, at}));
}

std::vector<std::int64_t> PlanReader::integers(const Value& list, std::string_view where) {
  std::vector<std::int64_t> out;
  for (const Value& one : list.array() ? *list.array() : Array{}) {
    const bool again = one.integer() && std::ranges::find(out, *one.integer()) != out.end();
    if (one.integer() && *one.integer() >= 0 && !again)
      out.push_back(*one.integer());
    else
      findings_.problems.add(one.at, "[repeat] {} holds {}; different integers from 0 are allowed",
                             where, plain_text(one));
  }
  if (out.empty())
    findings_.problems.add(list.at, "[repeat] {} = {}; a list of integers is allowed", where,
                           plain_text(list));
  return out;
}

void PlanReader::read_repeat(Plan& plan) {
  const Value* repeat = table("repeat");
  if (repeat) check_keys(*repeat->table(), "repeat", kRepeatKeys, findings_.problems);
  const auto is_forced = [&](std::string_view key) {
    const KnobPath path{*book_.find(key), ""};
    return std::ranges::find(forced_, path, &Assignment::path) != forced_.end();
  };
  const Value* seeds = repeat ? repeat->find("seeds") : nullptr;
  if (seeds && !is_forced("seed"))
    for (const std::int64_t seed : integers(*seeds, "seeds"))
      plan.seeds.push_back(setting("seed", seed, seeds->at));
  const Value none{std::int64_t{0}, {}};
  const Value* folds = repeat ? repeat->find("folds") : nullptr;
  read_folds(folds ? *folds : none, plan);
  if (is_forced("fold")) plan.folds.clear();
}

/// `folds`: a count or a list. Without [split] validation the count is that of the split, too.
void PlanReader::read_folds(const Value& folds, Plan& plan) {
  std::vector<std::int64_t> chosen;
  if (folds.integer()) {
    chosen.resize(static_cast<std::size_t>(std::clamp<std::int64_t>(*folds.integer(), 0, 1000)));
    std::iota(chosen.begin(), chosen.end(), std::int64_t{0});
    if (folds.at.file && *folds.integer() < 1)
      findings_.problems.add(folds.at, "[repeat] folds = {}; 1 or more is allowed",
                             *folds.integer());
  } else {
    chosen = integers(folds, "folds");
  }
  const Value* split = document_.find("split");
  const Value* validation = split ? split->find("validation") : nullptr;
  const Value* parts = validation ? validation->find("folds") : nullptr;
  const bool of_file = parts && parts->string();  // how many there are, the data know
  if (chosen.empty() && parts) {
    findings_.notes.add(parts->at, "[split] fold 0 alone: [repeat] says nothing of folds");
    chosen = {0};
  }
  if (chosen.empty()) return;
  const std::int64_t most = std::ranges::max(chosen);
  if (validation && !of_file && (!parts || !parts->integer() || most >= *parts->integer()))
    findings_.problems.add(
        folds.at,
        "[repeat] fold {}, but [split] validation = {}; {{ folds = {} }} or more is allowed", most,
        plain_text(*validation), std::max<std::int64_t>(most + 1, 2));
  for (const std::int64_t fold : chosen) plan.folds.push_back(setting("fold", fold, folds.at));
  if (validation) return;
  const Value& made = book_.keep(
      {Table{{"folds", folds.at, {std::max<std::int64_t>(most + 1, 2), folds.at}}}, folds.at});
  const KnobPath path{*book_.find("split"), "validation"};
  for (Grid& grid : plan.grids)
    grid.base[path.knob] = book_.with_option(grid.base[path.knob], path, made);
}

}  // namespace medsweep::sweeps
