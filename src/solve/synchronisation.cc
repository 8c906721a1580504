// Semaphores, the bounded buffer, readers and writers: who goes on and who waits, operation by
// operation. Those who wait are served in order of arrival.

#include <algorithm>
#include <deque>
#include <set>

#include "domains.h"

namespace spindle {
namespace {

using Json = nlohmann::json;

/// The states after each operation are listed; with everybody waiting that grows as the square.
constexpr std::size_t kMostThreadOperations = 2000;

std::vector<std::vector<Field>> read_operations(const Problem& problem, std::size_t shortest) {
  std::vector<std::vector<Field>> operations;
  for (const Field& item : problem.input["ops"].items()) {
    operations.push_back(item.items());
    if (operations.back().size() < shortest) item.fail("too short an operation");
    if (operations.size() > kMostThreadOperations) item.fail("too many operations");
    if (problem.failed()) break;
  }
  return operations;
}

/// ["name", "P"] and ["name", "V"]; a V that finds someone waiting hands the unit on.
Json semaphore(const Problem& problem) {
  std::int64_t value = problem.parameters["initial"].integer(0, 1'000'000'000);
  const auto operations = read_operations(problem, 2);
  if (problem.failed()) return {};
  std::deque<std::string> blocked;
  Json states = Json::array();
  for (const std::vector<Field>& operation : operations) {
    const bool takes = operation[1].choice({"P", "V"}) == 0;
    const std::string who = operation[0].text();
    if (problem.failed()) return {};
    if (takes && value > 0)
      --value;
    else if (takes)
      blocked.push_back(who);
    else if (blocked.empty())
      ++value;
    else
      blocked.pop_front();
    states.push_back({value, blocked});
  }
  return {{"states", states}, {"value", value}, {"blocked", blocked}};
}

/// ["put", "name", item] and ["get", "name"].
Json bounded_buffer(const Problem& problem) {
  const auto capacity =
      static_cast<std::size_t>(problem.parameters["capacity"].integer(1, 1'000'000'000));
  const auto operations = read_operations(problem, 2);
  if (problem.failed()) return {};
  std::deque<Json> buffer;
  std::deque<std::pair<std::string, Json>> producers;
  std::deque<std::string> consumers;
  Json consumed = Json::array();
  for (const std::vector<Field>& operation : operations) {
    const bool puts = operation[0].choice({"put", "get"}) == 0;
    const std::string who = operation[1].text();
    if (puts && operation.size() < 3) operation[0].fail("nothing to put");
    if (problem.failed()) return {};
    if (puts && !consumers.empty()) {
      consumed.push_back({consumers.front(), operation[2].raw()});
      consumers.pop_front();
    } else if (puts && buffer.size() == capacity) {
      producers.emplace_back(who, operation[2].raw());
    } else if (puts) {
      buffer.push_back(operation[2].raw());
    } else if (buffer.empty()) {
      consumers.push_back(who);
    } else {
      consumed.push_back({who, buffer.front()});
      buffer.pop_front();
      if (producers.empty()) continue;
      buffer.push_back(producers.front().second);
      producers.pop_front();
    }
  }
  Json blocked_producers = Json::array();
  for (const auto& [who, item] : producers) blocked_producers.push_back(who);
  return {{"consumed", consumed},
          {"buffer", buffer},
          {"blocked_producers", blocked_producers},
          {"blocked_consumers", consumers}};
}

/// Readers and writers under one of three rules: a reader goes in while others read; no reader
/// passes a writer that waits; or all go in strictly in order of arrival.
class ReadersWriters {
 public:
  enum class Rule : std::uint8_t { kReadersFirst, kWritersFirst, kFair };
  explicit ReadersWriters(Rule rule) : rule_(rule) {}

  void ask(const std::string& who, bool writes) {
    waiting_.push_back({who, writes});
    let_in();
  }

  /// Nothing if `who` is not inside.
  void leave(const std::string& who) {
    if (readers_.erase(who) != 0 || (writing_ && writer_ == who && std::exchange(writing_, false)))
      let_in();
  }

  [[nodiscard]] const std::vector<std::string>& granted() const { return granted_; }
  [[nodiscard]] std::vector<std::string> inside() const {
    std::vector<std::string> names(readers_.begin(), readers_.end());
    if (writing_) names.push_back(writer_);
    return names;
  }
  [[nodiscard]] std::vector<std::string> waiting() const {
    std::vector<std::string> names;
    for (const Visitor& visitor : waiting_) names.push_back(visitor.name);
    return names;
  }

 private:
  struct Visitor {
    std::string name;
    bool writes = false;
  };

  void let_in() {
    while (!writing_) {
      const auto next = choose();
      if (next == waiting_.end() || (next->writes && !readers_.empty())) return;
      granted_.push_back(next->name);
      if (next->writes) {
        writing_ = true;
        writer_ = next->name;
      } else {
        readers_.insert(next->name);
      }
      waiting_.erase(next);
    }
  }

  [[nodiscard]] std::deque<Visitor>::iterator choose() {
    if (rule_ == Rule::kFair) return waiting_.begin();
    const bool writer_first = rule_ == Rule::kWritersFirst;
    const auto first = std::ranges::find(waiting_, writer_first, &Visitor::writes);
    return first == waiting_.end() ? waiting_.begin() : first;
  }

  Rule rule_;
  std::deque<Visitor> waiting_;
  std::set<std::string> readers_;
  bool writing_ = false;
  std::string writer_;
  std::vector<std::string> granted_;
};

/// ["name", "r"], ["name", "w"] and ["name", "done"].
Json readers_writers(const Problem& problem, ReadersWriters::Rule rule) {
  ReadersWriters room(rule);
  for (const std::vector<Field>& operation : read_operations(problem, 2)) {
    if (problem.failed()) return {};
    const std::string who = operation[0].text();
    const std::size_t what = operation[1].choice({"r", "w", "done"});
    if (problem.failed()) return {};
    if (what == 2)
      room.leave(who);
    else
      room.ask(who, what == 1);
  }
  return {{"granted", room.granted()}, {"inside", room.inside()}, {"waiting", room.waiting()}};
}

}  // namespace

Json solve_sync(const Problem& problem) {
  using Rule = ReadersWriters::Rule;
  if (problem.algorithm == "SEMAPHORE") return semaphore(problem);
  if (problem.algorithm == "BOUNDED-BUFFER") return bounded_buffer(problem);
  if (problem.algorithm == "READERS-FIRST") return readers_writers(problem, Rule::kReadersFirst);
  if (problem.algorithm == "WRITERS-FIRST") return readers_writers(problem, Rule::kWritersFirst);
  if (problem.algorithm == "FAIR") return readers_writers(problem, Rule::kFair);
  return problem.unknown_algorithm();
}

}  // namespace spindle
