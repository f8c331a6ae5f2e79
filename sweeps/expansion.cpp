#include "sweeps/expansion.h"

#include <fmt/format.h>

#include <algorithm>

namespace medsweep::sweeps {
namespace {

/// The next row of every axis, the last axis fastest; false after the last point.
bool advance(std::vector<std::size_t>& rows, const std::vector<Axis>& axes) {
  for (std::size_t i = axes.size(); i-- > 0;) {
    if (++rows[i] < axes[i].size()) return true;
    rows[i] = 0;
  }
  return false;
}

/// The assignments of one point of a grid, in the order in which `apply` wants them.
class Point {
 public:
  Point(const Grid& grid, SettingBook& book) : grid_(grid), book_(book) {
    for (std::size_t axis = 0; axis < grid.axes.size(); ++axis)
      for (const AxisKey& key : grid.axes[axis].keys) {
        const bool data = book.knob(key.path.knob).type == KnobType::kDatasets;
        order_.push_back({data ? 0 : key.path.option.empty() ? 1 : 2, axis, &key});
      }
    std::ranges::stable_sort(order_, {}, &Place::rank);
    for (const Place& place : order_)
      assignments_.push_back({place.key->key, place.key->at, nullptr, place.key->path});
  }

  State state(const std::vector<std::size_t>& rows) {
    for (std::size_t i = 0; i < order_.size(); ++i)
      assignments_[i].value = order_[i].key->values[rows[order_[i].axis]];
    State state = grid_.base;
    apply(assignments_, state, book_);
    return state;
  }

 private:
  struct Place {
    int rank;
    std::size_t axis;
    const AxisKey* key;
  };
  const Grid& grid_;
  SettingBook& book_;
  std::vector<Place> order_;
  std::vector<Assignment> assignments_;
};

const Condition* first_match(const std::vector<Condition>& conditions, const State& state) {
  const auto match = std::ranges::find_if(
      conditions, [&](const Condition& condition) { return condition.matches(state); });
  return match == conditions.end() ? nullptr : &*match;
}

class Expander {
 public:
  Expander(const Plan& plan, SettingBook& book) : plan_(plan), book_(book) {}

  void add_grid(const Grid& grid) {
    Point point(grid, book_);
    std::vector<std::size_t> rows(grid.axes.size(), 0);
    do {
      const State state = point.state(rows);
      for_each_repeat(state, [&](State repeated) { add({std::move(repeated), &grid, rows}); });
    } while (advance(rows, grid.axes));
  }

  Expansion expansion;

 private:
  template <typename Use>
  void for_each_repeat(const State& state, const Use& use) {
    const std::vector<const Setting*> one{nullptr};
    for (const Setting* seed : plan_.seeds.empty() ? one : plan_.seeds)
      for (const Setting* fold : plan_.folds.empty() ? one : plan_.folds) {
        State repeated = state;
        if (seed) repeated[seed->knob] = seed;
        if (fold) repeated[fold->knob] = fold;
        use(std::move(repeated));
      }
  }

  void add(Draft draft) {
    for (const When& when : plan_.whens)
      if (when.match.matches(draft.state)) apply(when.set, draft.state, book_);
    apply(plan_.forced, draft.state, book_);
    draft.state.resize(book_.size());
    const Condition* by = first_match(draft.grid->excludes, draft.state);
    if (by == nullptr) by = first_match(plan_.excludes, draft.state);
    if (by == nullptr) {
      expansion.drafts.push_back(std::move(draft));
    } else {
      std::string reason = fmt::format("{}: [[exclude]] {}", by->at().text(), by->text());
      expansion.excluded.emplace_back(std::move(draft), std::move(reason));
    }
  }

  const Plan& plan_;
  SettingBook& book_;
};

}  // namespace

Expansion expand(const Plan& plan, SettingBook& book, Findings& findings) {
  Expander expander(plan, book);
  for (const Grid& grid : plan.grids) expander.add_grid(grid);
  for (const Condition& required : plan.requires_) {
    const auto fits = [&](const Draft& draft) { return required.matches(draft.state); };
    if (std::ranges::none_of(expander.expansion.drafts, fits))
      findings.problems.add(required.at(), "[[require]] no trial has {}", required.text());
  }
  return std::move(expander.expansion);
}

}  // namespace medsweep::sweeps
