#include "sweeps/study.h"

#include <fmt/ranges.h>

#include <algorithm>
#include <map>
#include <set>

#include "base/files.h"
#include "sweeps/document.h"
#include "sweeps/ensembles.h"
#include "sweeps/identity.h"
#include "sweeps/plan_reader.h"
#include "sweeps/study_checks.h"
#include "sweeps/table_specification.h"
#include "sweeps/toml_reading.h"

namespace medsweep::sweeps {
namespace {

namespace fs = std::filesystem;

/// "key=value", with the value's place called "--set key".
Member read_option(const std::string& text, std::string_view option, Findings& findings) {
  const std::size_t equals = text.find('=');
  if (equals == 0 || equals == std::string::npos) {
    findings.problems.add(fmt::format("[{}] '{}'; key=value is allowed", option, text));
    return {};
  }
  const std::string key = text.substr(0, equals);
  Value value = parse_bare_value(text.substr(equals + 1), fmt::format("{} {}", option, key));
  const Position at = value.at;
  return {key, at, std::move(value)};
}

/// --set of what is no knob goes into the document; what is left are knobs.
std::vector<Member> apply_set(Value& document, const StudyOptions& options, Findings& findings) {
  std::vector<Member> knobs;
  for (const std::string& text : options.set) {
    findings.notes.add("--set " + text);
    Member member = read_option(text, "--set", findings);
    if (member.key.starts_with("trial.")) member.key.erase(0, 6);
    const std::string first = member.key.substr(0, member.key.find('.'));
    Table& top = std::get<Table>(document.data);
    if (first == "name" || first == "title") {
      assign(top, first, std::move(member.value));
    } else if ((first == "repeat" || first == "search") && first != member.key) {
      if (document.find(first) == nullptr) assign(top, first, {Table{}, member.at});
      const std::string rest = member.key.substr(first.size() + 1);
      Value* table = document.find(first);
      if (table->table()) assign(std::get<Table>(table->data), rest, std::move(member.value));
    } else if (!member.key.empty()) {
      knobs.push_back(std::move(member));
    }
  }
  return knobs;
}

std::string text_of(const Value& document, std::string_view key, Findings& findings) {
  const Value* value = document.find(key);
  if (value == nullptr) return "";
  if (value->string()) return *value->string();
  findings.problems.add(value->at, "[study] {} is {}; a string is allowed", key, type_name(*value));
  return "";
}

std::vector<fs::path> read_needs(const Value& document, const fs::path& folder,
                                 Findings& findings) {
  std::vector<fs::path> out;
  const Value* needs = document.find("needs");
  if (needs == nullptr) return out;
  for (const Value& one : needs->array() ? *needs->array() : Array{*needs}) {
    if (one.string() == nullptr) {
      findings.problems.add(one.at, "[study] needs holds {}; paths of studies are allowed",
                            type_name(one));
      continue;
    }
    const fs::path& own = one.at.file->folder.empty() ? folder : one.at.file->folder;
    out.push_back((own / expand_variables(*one.string())).lexically_normal());
    if (!fs::is_regular_file(out.back()))
      (findings.unknown_names == UnknownNames::kCollect ? findings.missing : findings.problems)
          .add(one.at, "[needs] {}: there is no such file", out.back().string());
  }
  return out;
}

void check_name(const Study& study, Findings& findings) {
  const bool fits = !study.name.empty() && study.name.front() != '.' &&
                    study.name.find_first_not_of(
                        "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWX"
                        "YZ0123456789._-") == std::string::npos;
  if (!fits)
    findings.problems.add(fmt::format(
        "{}: name = \"{}\"; letters, digits, '.', '_' and '-' are allowed: its folder is called so",
        study.path.filename().string(), study.name));
}

/// Trials that are equal become one: the first, with the most epochs where these do not tell.
std::vector<Identity> collapse(std::vector<Draft>& drafts, IdentityMaker& maker, SettingBook& book,
                               Study& study, Findings& findings) {
  std::vector<Draft> kept;
  std::vector<Identity> identities;
  std::map<std::string, std::size_t> seen;
  const auto epochs = book.find("epochs");
  for (Draft& draft : drafts) {
    Identity identity = maker.make(draft.state);
    const auto [place, is_new] = seen.try_emplace(identity.key, kept.size());
    if (is_new) {
      kept.push_back(std::move(draft));
      identities.push_back(std::move(identity));
      continue;
    }
    ++study.collapsed;
    if (!identity.without_epochs || !epochs) continue;
    const Setting*& most = kept[place->second].state[*epochs];
    const Setting* other = draft.state[*epochs];
    if (most->json == other->json) continue;
    findings.notes.add(fmt::format(
        "epochs {} and {} are one trial: under this schedule one is the beginning of the other",
        most->json, other->json));
    if (most->checked.full.is_number() && other->checked.full.is_number() &&
        other->checked.full.number() > most->checked.full.number())
      most = other;
  }
  drafts = std::move(kept);
  return identities;
}

std::int64_t integer_of(const State& state, const SettingBook& book, std::string_view knob) {
  const std::int64_t* value = state[*book.find(knob)]->checked.full.integer();
  return value ? *value : 0;
}

class Loader {
 public:
  Loader(const fs::path& path, const Schema& schema, const StudyOptions& options)
      : schema_(schema), options_(options) {
    study_.path = fs::weakly_canonical(path);
    findings_.unknown_names = options.unknown_names;
  }

  Study load() {
    read_file(study_.path);  // a missing file is named before anything else
    Value document = read();
    const std::vector<Member> set = apply_set(document, options_, findings_);
    check_tables(*document.table(), findings_);
    study_.ensembles = read_ensembles(document, schema_, findings_);
    study_.name = text_of(document, "name", findings_);
    study_.title = text_of(document, "title", findings_);
    check_name(study_, findings_);
    study_.needs = read_needs(document, study_.path.parent_path(), findings_);
    const Value* define = document.find("define");
    SettingBook book(schema_, define ? define->table() : nullptr, study_.path.parent_path(),
                     study_.needs, findings_);
    const Plan plan = PlanReader(document, set, book, findings_).read();
    TableSpecifications tables(document.find("table"), schema_, book, findings_);
    refuse_problems();
    add_trials(plan, tables, book);
    refuse_problems();
    study_.unknown = findings_.unknown.texts();
    study_.missing = findings_.missing.texts();
    study_.notes = findings_.notes.texts();
    return std::move(study_);
  }

 private:
  Value read() {
    try {
      return read_document(study_.path);
    } catch (const std::invalid_argument& error) {
      throw StudyError(study_.path.filename().string(), {error.what()});
    }
  }

  void refuse_problems() const {
    if (!findings_.problems.empty())
      throw StudyError(study_.path.filename().string(), findings_.problems.texts());
  }

  void add_trials(const Plan& plan, TableSpecifications& tables, SettingBook& book) {
    Expansion expansion = expand(plan, book, findings_);
    check_required(expansion, book, study_.path, findings_);
    refuse_problems();
    IdentityMaker maker(schema_, book);
    const Naming naming(expansion, plan, tables.mentioned(), book);
    check_axes_used(expansion, plan, maker, book, findings_);
    check_refused(expansion, maker, schema_, book, naming, study_.path, findings_);
    const std::vector<Identity> identities =
        collapse(expansion.drafts, maker, book, study_, findings_);
    study_.tables = tables.json(expansion.drafts, naming);
    const std::vector<std::string> names = naming.names(expansion.drafts);
    const OnlyFilter only(read_only(), book);
    for (std::size_t i = 0; i < names.size(); ++i) {
      const Draft& draft = expansion.drafts[i];
      if (!only.passes(draft.state, names[i])) continue;
      study_.trials.push_back({names[i], identities[i].identity, identities[i].settings,
                               integer_of(draft.state, book, "seed"),
                               integer_of(draft.state, book, "fold"), maker.knobs(draft.state),
                               naming.labels(draft)});
    }
    for (auto& [draft, reason] : expansion.excluded)
      study_.excluded.push_back({naming.name(draft), std::move(reason)});
    if (study_.trials.empty() && findings_.problems.empty())
      findings_.problems.add(fmt::format("{}: no trial is left", study_.path.filename().string()));
  }

  std::vector<Member> read_only() {
    std::vector<Member> out;
    for (const std::string& text : options_.only) {
      findings_.notes.add("--only " + text);
      out.push_back(read_option(text, "--only", findings_));
    }
    return out;
  }

  const Schema& schema_;
  const StudyOptions& options_;
  Study study_;
  Findings findings_;
};

}  // namespace

StudyError::StudyError(const std::string& file, std::vector<std::string> problems)
    : std::invalid_argument(fmt::format("[{}] {} problem{}:\n  {}", file, problems.size(),
                                        problems.size() == 1 ? "" : "s",
                                        fmt::join(problems, "\n  "))),
      problems_(std::move(problems)) {}

Study load_study(const std::filesystem::path& path, const Schema& schema,
                 const StudyOptions& options) {
  return Loader(path, schema, options).load();
}

}  // namespace medsweep::sweeps
