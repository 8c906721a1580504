#include "spindle/thread/trace.h"

#include <cstdio>
#include <functional>
#include <map>
#include <set>
#include <string>
#include <string_view>
#include <unordered_map>
#include <unordered_set>
#include <utility>
#include <vector>

#include "spindle/base/clock.h"
#include "spindle/base/printable.h"
#include "spindle/thread/section.h"
#include "thread/scheduler.h"

namespace spindle::thread {
namespace {

/// For a JSON string, which is UTF-8 without control characters, whatever bytes a name has.
std::string escaped(std::string_view text) {
  std::string result;
  for (const char c : printable(text)) {
    if (c == '"' || c == '\\') result += '\\';
    result += c;
  }
  return result;
}

std::string microseconds(std::int64_t ns) {
  char text[32];
  std::snprintf(text, sizeof text, "%.3f", static_cast<double>(ns) / 1000);
  return text;
}

/// One of Chrome's "complete" events. Process 1 shows when threads run, process 2 when they wait.
std::string span(std::string_view name, int process, std::uint64_t thread, std::int64_t begin_ns,
                 std::int64_t end_ns, std::string_view arguments) {
  return "{\"name\":\"" + escaped(name) + "\",\"ph\":\"X\",\"pid\":" + std::to_string(process) +
         ",\"tid\":" + std::to_string(thread) + ",\"ts\":" + microseconds(begin_ns) +
         ",\"dur\":" + microseconds(end_ns - begin_ns) + ",\"args\":{" + std::string(arguments) +
         "}}";
}

std::string name_of_row(int process, std::uint64_t thread, std::string_view name) {
  return "{\"name\":\"thread_name\",\"ph\":\"M\",\"pid\":" + std::to_string(process) +
         ",\"tid\":" + std::to_string(thread) + ",\"args\":{\"name\":\"" + escaped(name) + "\"}}";
}

}  // namespace

class Trace::Recorder : public SwitchObserver {
 public:
  explicit Recorder(std::size_t most) : events_(most == 0 ? 1 : most) {}

  void switched(const Control& from, const Control& to, std::int64_t now_ns) override {
    if (from.id != 0) {
      note_name(from);
      Event event{now_ns, from.id, What::kStops, WaitKind::kQueue, from.worker->number, ""};
      if (from.state == ThreadState::kEnded) event.what = What::kEnds;
      if (from.state == ThreadState::kWaiting && from.parked != nullptr) {
        event.what = What::kWaits;
        event.kind = from.parked->queue->kind();
        event.object = keep(from.parked->queue->name());
      }
      add(event);
    }
    if (to.id == 0) return;
    note_name(to);
    add({now_ns, to.id, What::kBegins, WaitKind::kQueue, from.worker->number, ""});
  }

  [[nodiscard]] std::string json() const;
  [[nodiscard]] std::size_t lost() const {
    return count_ > events_.size() ? count_ - events_.size() : 0;
  }

 private:
  enum class What : std::uint8_t { kBegins, kWaits, kStops, kEnds };

  struct Event {
    std::int64_t at_ns;
    std::uint64_t thread;
    What what;
    WaitKind kind;
    std::uint32_t worker;
    const char* object;
  };

  /// So many names are kept, of which half at most are in use, that few are looked through.
  [[nodiscard]] std::size_t most_names() const { return 2 * events_.size() + 64; }
  void add(const Event& event) { events_[count_++ % events_.size()] = event; }
  void note_name(const Control& thread);
  const char* keep(const char* name);
  template <class Visit>
  void for_each_event(Visit visit) const {
    for (std::size_t i = lost(); i < count_; ++i) visit(events_[i % events_.size()]);
  }
  [[nodiscard]] std::unordered_set<std::uint64_t> threads_of_events() const;
  static std::string span_from(const Event& event, std::int64_t until_ns);

  std::vector<Event> events_;
  std::size_t count_ = 0;
  std::unordered_map<std::uint64_t, std::string> names_;  // by the thread's id
  std::vector<std::uint64_t> named_;                      // ids that are there, by the slot
  std::set<std::string, std::less<>> objects_;
};

std::unordered_set<std::uint64_t> Trace::Recorder::threads_of_events() const {
  std::unordered_set<std::uint64_t> threads;
  for_each_event([&](const Event& event) { threads.insert(event.thread); });
  return threads;
}

void Trace::Recorder::note_name(const Control& thread) {
  if (named_.size() <= thread.slot) named_.resize(thread.slot + 1);
  if (std::exchange(named_[thread.slot], thread.id) == thread.id) return;
  if (names_.size() >= most_names()) {
    const auto in_use = threads_of_events();
    std::erase_if(names_, [&](const auto& name) { return !in_use.contains(name.first); });
    named_.assign(named_.size(), 0);
    named_[thread.slot] = thread.id;
  }
  names_.try_emplace(thread.id, thread.name);
}

// The object may be gone when the trace is written.
const char* Trace::Recorder::keep(const char* name) {
  const auto known = objects_.find(std::string_view(name));
  if (known != objects_.end()) return known->c_str();
  if (objects_.size() >= most_names()) {
    std::unordered_set<const char*> in_use;
    for_each_event([&](const Event& event) { in_use.insert(event.object); });
    std::erase_if(objects_, [&](const auto& object) { return !in_use.contains(object.c_str()); });
  }
  return objects_.emplace(name).first->c_str();
}

std::string Trace::Recorder::json() const {
  std::string text = "{\"traceEvents\":[\n";
  text += "{\"name\":\"process_name\",\"ph\":\"M\",\"pid\":1,\"args\":{\"name\":\"threads\"}},\n";
  text += "{\"name\":\"process_name\",\"ph\":\"M\",\"pid\":2,\"args\":{\"name\":\"waits\"}}";
  std::map<std::uint64_t, Event> last;  // by thread
  std::string spans;
  for_each_event([&](const Event& event) {
    const auto before = last.find(event.thread);
    if (before != last.end()) spans += span_from(before->second, event.at_ns);
    last.insert_or_assign(event.thread, event);
  });
  for (const auto& [thread, event] : last) {
    const auto name = names_.find(thread);
    if (name == names_.end() || name->second.empty()) continue;
    text += ",\n" + name_of_row(1, thread, name->second);
    text += ",\n" + name_of_row(2, thread, name->second);
  }
  text += spans;
  // Threads that ran or waited last still do.
  const std::int64_t now_ns = monotonic_ns();
  for (const auto& [thread, event] : last) text += span_from(event, now_ns);
  return text + "\n]}\n";
}

// The span that begins with the event; none if the thread was ready then, or ended.
std::string Trace::Recorder::span_from(const Event& event, std::int64_t until_ns) {
  if (event.what == What::kBegins) {
    return ",\n" + span("runs", 1, event.thread, event.at_ns, until_ns,
                        "\"worker\":" + std::to_string(event.worker));
  }
  if (event.what != What::kWaits) return {};
  return ",\n" + span(to_string(event.kind), 2, event.thread, event.at_ns, until_ns,
                      "\"object\":\"" + escaped(event.object) + "\"");
}

Trace::Trace(Runtime& runtime, std::size_t most_events)
    : runtime_(runtime), recorder_(std::make_unique<Recorder>(most_events)) {
  const Section section;
  runtime_.scheduler().observe(recorder_.get());
}

Trace::~Trace() {
  const Section section;
  runtime_.scheduler().observe(nullptr);
}

std::string Trace::chrome_json() const {
  const Section section;
  return recorder_->json();
}

std::size_t Trace::lost() const {
  const Section section;
  return recorder_->lost();
}

}  // namespace spindle::thread
