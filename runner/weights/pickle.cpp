#include "runner/weights/pickle.h"

#include <fmt/format.h>

#include <array>
#include <bit>
#include <unordered_map>
#include <utility>

#include "runner/weights/pickle_objects.h"

namespace medsweep::runner {
namespace {

constexpr std::size_t kMostPickleBytes = 64UL << 20U, kMostMemos = 1'000'000, kMostMarks = 10'000;
constexpr std::uint64_t kOldestProtocol = 2, kNewestProtocol = 5;
constexpr std::uint64_t kProtocolInstruction = 0x80, kStopInstruction = '.';

/// A stack of values, marks in it, and a memo: what the instructions of a pickle work on.
class PickleMachine {
 public:
  PickleMachine(std::string_view bytes, const std::string& where)
      : bytes_(bytes), objects_(where) {}

  Pickle run();

  std::string_view take(std::uint64_t size) {
    if (size > bytes_.size() - at_) objects_.damaged("it ends early");
    const auto taken = bytes_.substr(at_, size);
    at_ += size;
    if (at_ > kMostPickleBytes) objects_.damaged("longer than 64 MiB");
    return taken;
  }

  std::uint64_t number(std::size_t size) {
    const auto taken = take(size);
    std::uint64_t value = 0;
    for (std::size_t i = size; i-- > 0;) value = value << 8U | static_cast<unsigned char>(taken[i]);
    return value;
  }

  void push(PickleValue value) { stack_.push_back(objects_.add(std::move(value))); }

  PickleId top() const {
    if (stack_.size() <= (marks_.empty() ? 0 : marks_.back()))
      objects_.damaged("nothing on its stack");
    return stack_.back();
  }

  PickleId pop() {
    const PickleId id = top();
    stack_.pop_back();
    return id;
  }

  std::vector<PickleId> pop_many(std::size_t count) {
    std::vector<PickleId> items(count);
    while (count > 0) items[--count] = pop();
    return items;
  }

  std::vector<PickleId> pop_to_mark() {
    if (marks_.empty()) objects_.damaged("no mark on its stack");
    const auto begin = stack_.begin() + static_cast<std::ptrdiff_t>(marks_.back());
    std::vector<PickleId> items(begin, stack_.end());
    stack_.erase(begin, stack_.end());
    marks_.pop_back();
    return items;
  }

  void mark() {
    if (marks_.size() >= kMostMarks) objects_.damaged("nested too deeply");
    marks_.push_back(stack_.size());
  }

  void keep(std::uint64_t place) {
    memo_[place] = top();
    if (memo_.size() > kMostMemos) objects_.damaged("it keeps too many values");
  }

  void keep_next() { keep(memo_.size()); }

  void get(std::uint64_t place) {
    const auto found = memo_.find(place);
    if (found == memo_.end()) objects_.damaged(fmt::format("nothing was kept under {}", place));
    stack_.push_back(found->second);
  }

  void text(std::uint64_t size) { push(std::string(take(size))); }
  void bytes(std::uint64_t size) { push(PickledBytes{std::string(take(size))}); }
  void integer(std::uint64_t size);
  void real() { push(std::bit_cast<double>(__builtin_bswap64(number(sizeof(double))))); }

  void append(const std::vector<PickleId>& items) {
    auto& list = objects_.list(top()).items;
    list.insert(list.end(), items.begin(), items.end());
  }

  void set_items(const std::vector<PickleId>& items) {
    auto& dict = objects_.dict(top()).items;
    if (items.size() % 2 != 0) objects_.damaged("a key without a value");
    for (std::size_t i = 0; i < items.size(); i += 2) dict.emplace_back(items[i], items[i + 1]);
  }

  void name() {
    const std::string module = line();
    stack_.push_back(objects_.name(module, line()));
  }

  void name_from_stack() {
    const auto names = pop_many(2);
    stack_.push_back(objects_.name(objects_.text(names[0], "a module's name"),
                                   objects_.text(names[1], "a class's name")));
  }

  void call() {
    const auto both = pop_many(2);
    stack_.push_back(objects_.call(both[0], both[1]));
  }

  void storage() { stack_.push_back(objects_.storage(pop())); }

  void set_attributes() {
    pop();
    objects_.set_attributes(top());
  }

  void check_protocol(std::uint64_t version) const {
    if (version < kOldestProtocol || version > kNewestProtocol)
      objects_.damaged(fmt::format("pickle protocol {}; {} to {} are allowed", version,
                                   kOldestProtocol, kNewestProtocol));
  }

 private:
  std::string line() {
    const std::size_t end = bytes_.find('\n', at_);
    if (end == std::string_view::npos) objects_.damaged("it ends early");
    const std::string text(take(end - at_));
    take(1);
    return text;
  }

  const std::string_view bytes_;
  std::size_t at_ = 0;
  PickleObjects objects_;
  std::vector<PickleId> stack_;
  std::vector<std::size_t> marks_;
  std::unordered_map<std::uint64_t, PickleId> memo_;
};

/// Little-endian, two's complement; what does not fit 64 bits is kept as bytes.
void PickleMachine::integer(std::uint64_t size) {
  if (size > sizeof(std::int64_t)) return bytes(size);
  const auto digits = take(size);
  const bool negative = size > 0 && (static_cast<unsigned char>(digits.back()) & 0x80U) != 0;
  std::uint64_t value = negative ? ~std::uint64_t{0} : 0;
  for (std::size_t i = size; i-- > 0;) value = value << 8U | static_cast<unsigned char>(digits[i]);
  push(static_cast<std::int64_t>(value));
}

struct PickleOp {
  std::uint64_t code;
  void (*run)(PickleMachine&);
};

/// The instructions that torch.save writes, in the order of Python's pickletools.
constexpr std::array kPickleInstructions{
    PickleOp{'J', [](PickleMachine& m) { m.integer(4); }},  // BININT
    PickleOp{'K', [](PickleMachine& m) { m.push(static_cast<std::int64_t>(m.number(1))); }},
    PickleOp{'M', [](PickleMachine& m) { m.push(static_cast<std::int64_t>(m.number(2))); }},
    PickleOp{0x8a, [](PickleMachine& m) { m.integer(m.number(1)); }},  // LONG1
    PickleOp{0x8b, [](PickleMachine& m) { m.integer(m.number(4)); }},
    PickleOp{'T', [](PickleMachine& m) { m.text(m.number(4)); }},  // BINSTRING, of Python 2
    PickleOp{'U', [](PickleMachine& m) { m.text(m.number(1)); }},
    PickleOp{'B', [](PickleMachine& m) { m.bytes(m.number(4)); }},  // BINBYTES
    PickleOp{'C', [](PickleMachine& m) { m.bytes(m.number(1)); }},
    PickleOp{0x8e, [](PickleMachine& m) { m.bytes(m.number(8)); }},
    PickleOp{0x96, [](PickleMachine& m) { m.bytes(m.number(8)); }},      // BYTEARRAY8
    PickleOp{'N', [](PickleMachine& m) { m.push(std::monostate()); }},   // NONE
    PickleOp{0x88, [](PickleMachine& m) { m.push(true); }},              // NEWTRUE
    PickleOp{0x89, [](PickleMachine& m) { m.push(false); }},             // NEWFALSE
    PickleOp{0x8c, [](PickleMachine& m) { m.text(m.number(1)); }},       // SHORT_BINUNICODE
    PickleOp{'X', [](PickleMachine& m) { m.text(m.number(4)); }},        // BINUNICODE
    PickleOp{0x8d, [](PickleMachine& m) { m.text(m.number(8)); }},       // BINUNICODE8
    PickleOp{'G', [](PickleMachine& m) { m.real(); }},                   // BINFLOAT
    PickleOp{']', [](PickleMachine& m) { m.push(PickledList{}); }},      // EMPTY_LIST
    PickleOp{'a', [](PickleMachine& m) { m.append(m.pop_many(1)); }},    // APPEND
    PickleOp{'e', [](PickleMachine& m) { m.append(m.pop_to_mark()); }},  // APPENDS
    PickleOp{')', [](PickleMachine& m) { m.push(PickledList{}); }},      // EMPTY_TUPLE
    PickleOp{'t', [](PickleMachine& m) { m.push(PickledList{m.pop_to_mark()}); }},
    PickleOp{0x85, [](PickleMachine& m) { m.push(PickledList{m.pop_many(1)}); }},  // TUPLE1
    PickleOp{0x86, [](PickleMachine& m) { m.push(PickledList{m.pop_many(2)}); }},
    PickleOp{0x87, [](PickleMachine& m) { m.push(PickledList{m.pop_many(3)}); }},
    PickleOp{'}', [](PickleMachine& m) { m.push(PickledDict{}); }},         // EMPTY_DICT
    PickleOp{'s', [](PickleMachine& m) { m.set_items(m.pop_many(2)); }},    // SETITEM
    PickleOp{'u', [](PickleMachine& m) { m.set_items(m.pop_to_mark()); }},  // SETITEMS
    PickleOp{0x8f, [](PickleMachine& m) { m.push(PickledList{}); }},        // EMPTY_SET
    PickleOp{0x90, [](PickleMachine& m) { m.append(m.pop_to_mark()); }},    // ADDITEMS
    PickleOp{0x91, [](PickleMachine& m) { m.push(PickledList{m.pop_to_mark()}); }},
    PickleOp{'0', [](PickleMachine& m) { m.pop(); }},               // POP
    PickleOp{'(', [](PickleMachine& m) { m.mark(); }},              // MARK
    PickleOp{'1', [](PickleMachine& m) { m.pop_to_mark(); }},       // POP_MARK
    PickleOp{'h', [](PickleMachine& m) { m.get(m.number(1)); }},    // BINGET
    PickleOp{'j', [](PickleMachine& m) { m.get(m.number(4)); }},    // LONG_BINGET
    PickleOp{'q', [](PickleMachine& m) { m.keep(m.number(1)); }},   // BINPUT
    PickleOp{'r', [](PickleMachine& m) { m.keep(m.number(4)); }},   // LONG_BINPUT
    PickleOp{0x94, [](PickleMachine& m) { m.keep_next(); }},        // MEMOIZE
    PickleOp{'c', [](PickleMachine& m) { m.name(); }},              // GLOBAL
    PickleOp{0x93, [](PickleMachine& m) { m.name_from_stack(); }},  // STACK_GLOBAL
    PickleOp{'R', [](PickleMachine& m) { m.call(); }},              // REDUCE
    PickleOp{'b', [](PickleMachine& m) { m.set_attributes(); }},    // BUILD
    PickleOp{'Q', [](PickleMachine& m) { m.storage(); }},           // BINPERSID
    PickleOp{kProtocolInstruction, [](PickleMachine& m) { m.check_protocol(m.number(1)); }},
    PickleOp{0x95, [](PickleMachine& m) { m.number(8); }},  // FRAME
};

using RunPickleOp = void (*)(PickleMachine&);
/// Of every code; null for those that are refused.
constexpr auto kPickleTable = [] {
  std::array<RunPickleOp, 256> table{};
  for (const PickleOp& row : kPickleInstructions) table[row.code] = row.run;
  return table;
}();

Pickle PickleMachine::run() {
  if (number(1) != kProtocolInstruction) objects_.damaged("no protocol at its beginning");
  check_protocol(number(1));
  for (;;) {
    const std::uint64_t code = number(1);
    if (code == kStopInstruction) break;
    const RunPickleOp run = kPickleTable[code];
    if (run == nullptr)
      objects_.refuse(fmt::format("it has the pickle instruction 0x{:02x} at {}", code, at_ - 1));
    run(*this);
  }
  const PickleId root = pop();
  return objects_.finish(root, at_);
}

}  // namespace

Pickle read_pickle(std::string_view bytes, const std::string& where) {
  return PickleMachine(bytes, where).run();
}

}  // namespace medsweep::runner
