// `spindle sync`: semaphores, the bounded buffer, readers and writers.

#include <fmt/format.h>

#include <algorithm>

#include "cli/face/steps.h"

namespace spindle::cli {
namespace {

using Kind = FaceParameter::Kind;

std::vector<std::string> names(const Json& object, const char* key) {
  return object.contains(key) ? object[key].get<std::vector<std::string>>()
                              : std::vector<std::string>();
}

/// What `after` has beyond `before`, which is its beginning.
std::vector<std::string> added(const Json& before, const Json& after, const char* key) {
  std::vector<std::string> all = names(after, key);
  all.erase(all.begin(), all.begin() + static_cast<std::ptrdiff_t>(names(before, key).size()));
  return all;
}

class SemaphoreForm final : public StepsForm {
 public:
  SemaphoreForm()
      : StepsForm("sync", {{"semaphore", "SEMAPHORE", "Semaphore", {"initial"}}},
                  {{"initial", Kind::kNumber, "semaphore: initial value", "1"}},
                  {{"value", "value"}, {"blocked", "waiting"}}) {}
  [[nodiscard]] std::string_view row_help() const override {
    return "operations as NAME:P (wait) or NAME:V (signal)";
  }

 private:
  [[nodiscard]] Json operation(const std::vector<std::string>& parts) const override {
    if (parts.size() != 2) return {};
    if (parts[1] == "P" || parts[1] == "p" || parts[1] == "wait") return {parts[0], "P"};
    if (parts[1] == "V" || parts[1] == "v" || parts[1] == "signal") return {parts[0], "V"};
    return {};
  }
  [[nodiscard]] std::string text_of(const Json& operation) const override {
    return fmt::format("{} {}", plain(operation[0]), plain(operation[1]));
  }
  [[nodiscard]] Json drawn(Random& random, std::size_t at) const override {
    return {std::string(1, static_cast<char>('A' + random.below(4))),
            at != 0 && random.one_in(2) ? "V" : "P"};
  }
  [[nodiscard]] std::string setting(const Json& problem) const override {
    return fmt::format("A semaphore begins with {}; waits end in order of arrival. Then:",
                       plain(problem["parameters"]["initial"]));
  }
  [[nodiscard]] std::string why(const Json& operation, const Json& before,
                                const Json& after) const override {
    const std::vector<std::string> waited = names(before, "blocked");
    const std::string value = plain(after["value"]);
    if (operation[1] == "P")
      return names(after, "blocked").size() > waited.size()
                 ? "the value is 0, so it waits"
                 : fmt::format("there is a unit, and {} are left", value);
    if (waited.empty()) return fmt::format("nobody waits, and the value is {}", value);
    return fmt::format("the unit goes to {}, which has waited longest", waited.front());
  }
};

class BufferForm final : public StepsForm {
 public:
  BufferForm()
      : StepsForm("sync", {{"bounded-buffer", "BOUNDED-BUFFER", "Bounded buffer", {"capacity"}}},
                  {{"capacity", Kind::kNumber, "bounded-buffer: how many items it holds", "2"}},
                  {{"buffer", "buffer"},
                   {"blocked_producers", "waiting producers"},
                   {"blocked_consumers", "waiting consumers"},
                   {"consumed", "consumed"}}) {}
  [[nodiscard]] std::string_view row_help() const override {
    return "bounded-buffer: operations as put:NAME:ITEM or get:NAME";
  }

 private:
  [[nodiscard]] Json operation(const std::vector<std::string>& parts) const override {
    if (parts.size() == 3 && parts[0] == "put") return {"put", parts[1], parts[2]};
    if (parts.size() == 2 && parts[0] == "get") return {"get", parts[1]};
    return {};
  }
  [[nodiscard]] std::string text_of(const Json& operation) const override {
    return operation[0] == "put"
               ? fmt::format("{} puts {}", plain(operation[1]), plain(operation[2]))
               : fmt::format("{} gets", plain(operation[1]));
  }
  [[nodiscard]] Json drawn(Random& random, std::size_t at) const override {
    if (random.one_in(2)) return {"get", fmt::format("c{}", 1 + random.below(2))};
    return {"put", fmt::format("p{}", 1 + random.below(2)), fmt::format("x{}", at + 1)};
  }
  [[nodiscard]] std::string setting(const Json& problem) const override {
    return fmt::format("A buffer holds {} items; waits end in order of arrival. Then:",
                       plain(problem["parameters"]["capacity"]));
  }
  [[nodiscard]] std::string why(const Json& operation, const Json& before,
                                const Json& after) const override {
    const std::vector<std::string> producers = names(before, "blocked_producers");
    const std::vector<std::string> consumers = names(before, "blocked_consumers");
    if (operation[0] == "put") {
      if (!consumers.empty()) return consumers.front() + ", which waited for one, has it";
      return names(after, "blocked_producers").size() > producers.size()
                 ? "the buffer is full, so it waits"
                 : "there is room";
    }
    if (names(after, "blocked_consumers").size() > consumers.size())
      return "the buffer is empty, so it waits";
    const std::string item = plain(after["consumed"].back()[1]);
    if (producers.empty()) return fmt::format("it has {}, the oldest", item);
    return fmt::format("it has {}, the oldest; {}, which waited for room, puts its own", item,
                       producers.front());
  }
};

class ReadersWritersForm final : public StepsForm {
 public:
  ReadersWritersForm()
      : StepsForm("sync",
                  {{"readers-first", "READERS-FIRST", "Readers and writers, readers first"},
                   {"writers-first", "WRITERS-FIRST", "Readers and writers, writers first"},
                   {"fair", "FAIR", "Readers and writers, in order of arrival"}},
                  {}, {{"inside", "inside"}, {"waiting", "waiting"}}) {}
  [[nodiscard]] std::string_view row_help() const override {
    return "readers and writers: operations as NAME:r, NAME:w or NAME:done";
  }

 private:
  [[nodiscard]] Json operation(const std::vector<std::string>& parts) const override {
    const bool known =
        parts.size() == 2 && (parts[1] == "r" || parts[1] == "w" || parts[1] == "done");
    return known ? Json{parts[0], parts[1]} : Json();
  }
  [[nodiscard]] std::string text_of(const Json& operation) const override {
    return fmt::format("{} {}", plain(operation[0]), plain(operation[1]));
  }
  [[nodiscard]] Json drawn(Random& random, std::size_t at) const override {
    // Each process comes once; those that came first leave first.
    if (at >= 2 && random.one_in(2)) return {fmt::format("P{}", (at + 1) / 2), "done"};
    return {fmt::format("P{}", at + 1), random.one_in(3) ? "w" : "r"};
  }
  [[nodiscard]] std::string setting(const Json& problem) const override {
    const auto policy = std::ranges::find(policies(), problem["algorithm"], &FacePolicy::algorithm);
    return fmt::format(
        "Many may read at once, one may write alone. {}: r asks to read, w to "
        "write, done leaves:",
        policy->title);
  }
  [[nodiscard]] std::string why(const Json& operation, const Json& before,
                                const Json& after) const override {
    const std::vector<std::string> in = added(before, after, "granted");
    const std::vector<std::string> inside = names(before, "inside");
    if (operation[1] == "done") {
      if (!in.empty()) return fmt::format("it leaves, and lets {} in", listed(in));
      return inside == names(after, "inside") ? "it was not inside" : "it leaves";
    }
    if (!in.empty()) return inside.empty() ? "nobody is inside" : "only readers are inside";
    const std::vector<std::string> waiting = names(before, "waiting");
    if (inside.empty() || operation[1] == "w" || waiting.empty())
      return fmt::format("it waits for {}", listed(inside));
    return fmt::format("it waits: {} inside, and {} before it", listed(inside), listed(waiting));
  }
};

}  // namespace

const Face& sync_face() {
  static const SemaphoreForm kSemaphore;
  static const BufferForm kBuffer;
  static const ReadersWritersForm kReadersWriters;
  static const Face kFace = {"sync",
                             "Follow semaphores, a bounded buffer, readers and writers.",
                             {&kSemaphore, &kBuffer, &kReadersWriters}};
  return kFace;
}

}  // namespace spindle::cli
