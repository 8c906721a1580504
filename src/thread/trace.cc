#include "spindle/thread/trace.h"

#include <cstdio>
#include <map>
#include <vector>

#include "spindle/base/clock.h"
#include "spindle/thread/section.h"
#include "thread/scheduler.h"

namespace spindle::thread {
namespace {

// Escapes as much for a JSON string as a name needs.
std::string escaped(std::string_view text) {
  std::string result;
  for (const char c : text) {
    if (c == '"' || c == '\\') result += '\\';
    result += static_cast<unsigned char>(c) < ' ' ? '?' : c;
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
    if (names_.size() < to.id + 1) names_.resize(to.id + 1);
    if (names_[to.id].empty()) names_[to.id] = to.name;
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

  void add(const Event& event) { events_[count_++ % events_.size()] = event; }
  static std::string span_from(const Event& event, std::int64_t until_ns);
  // A copy, for the object may be gone when the trace is written.
  const char* keep(const char* name) { return objects_.try_emplace(name).first->first.c_str(); }

  std::vector<Event> events_;
  std::size_t count_ = 0;
  std::vector<std::string> names_;  // by the thread's id
  std::map<std::string, bool> objects_;
};

std::string Trace::Recorder::json() const {
  std::string text = "{\"traceEvents\":[\n";
  text += "{\"name\":\"process_name\",\"ph\":\"M\",\"pid\":1,\"args\":{\"name\":\"threads\"}},\n";
  text += "{\"name\":\"process_name\",\"ph\":\"M\",\"pid\":2,\"args\":{\"name\":\"waits\"}}";
  for (std::size_t id = 1; id < names_.size(); ++id) {
    if (names_[id].empty()) continue;
    text += ",\n" + name_of_row(1, id, names_[id]) + ",\n" + name_of_row(2, id, names_[id]);
  }
  std::map<std::uint64_t, Event> last;  // by thread
  for (std::size_t i = lost(); i < count_; ++i) {
    const Event& event = events_[i % events_.size()];
    const auto before = last.find(event.thread);
    if (before != last.end()) text += span_from(before->second, event.at_ns);
    last.insert_or_assign(event.thread, event);
  }
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
