#include <fmt/format.h>

#include <iterator>
#include <map>
#include <set>
#include <unordered_map>

#include "spindle/base/json_text.h"
#include "spindle/json/json.h"
#include "spindle/procfs/event_text.h"

namespace spindle::procfs {
namespace {

using nlohmann::json;

/// It is written line by line: a ring has many events, and each is small.
class ChromeTrace {
 public:
  ChromeTrace(const EventRing& ring, std::uint32_t cpus) : ring_(ring), running_(cpus) {}

  void add(const MachineEvent& event) {
    name_thread(event.process, event.thread, event.name);
    newest_ = event.at;
    switch (event.kind) {
      case MachineEventKind::kSwitch:
        add_switch(event);
        break;
      case MachineEventKind::kWakeup:
        add_wakeup(event);
        break;
      case MachineEventKind::kSyscallEnter:
        calls_[event.thread] = event;
        break;
      case MachineEventKind::kSyscallExit:
        end_call(event.thread, event.at, event.value);
        break;
      case MachineEventKind::kFault:
        add_fault(event);
        break;
      case MachineEventKind::kExit:
        end_call(event.thread, event.at, std::nullopt);
        break;
      case MachineEventKind::kDeadlock:
        add_instant(event, "deadlock");
        break;
      case MachineEventKind::kSignalHandled:
        add_instant(event, fmt::format("signal {}", event.number));
        break;
      default:
        break;
    }
  }

  std::string take() {
    for (std::size_t cpu = 0; cpu < running_.size(); ++cpu) end_slice(cpu, newest_);
    while (!calls_.empty()) end_call(calls_.begin()->first, newest_, std::nullopt);
    add({{"ph", "M"}, {"pid", 0}, {"name", "process_name"}, {"args", {{"name", "CPUs"}}}});
    for (std::size_t cpu = 0; cpu < running_.size(); ++cpu) {
      add({{"ph", "M"},
           {"pid", 0},
           {"tid", cpu},
           {"name", "thread_name"},
           {"args", {{"name", fmt::format("CPU {}", cpu)}}}});
    }
    return "{\"displayTimeUnit\":\"ns\",\"traceEvents\":[\n" + text_ + "\n]}\n";
  }

 private:
  struct Slice {
    VirtualTime began;
    ProcessNumber thread = 0;
    std::string name;
  };

  static double us(VirtualTime time) { return static_cast<double>(time.ns) / 1000.0; }

  void add(const json& event) {
    if (!text_.empty()) text_ += ",\n";
    // The name that a program gives itself may not be UTF-8.
    text_ += json_text(event, kOneLine);
  }

  void name_thread(ProcessNumber process, ProcessNumber thread, std::uint32_t name) {
    if (thread == 0 || !named_.insert({process, thread}).second) return;
    const std::string text(ring_.text(name));
    if (thread == process) {
      add({{"ph", "M"}, {"pid", process}, {"name", "process_name"}, {"args", {{"name", text}}}});
    }
    add({{"ph", "M"},
         {"pid", process},
         {"tid", thread},
         {"name", "thread_name"},
         {"args", {{"name", text}}}});
  }

  void add_slice(ProcessNumber process, std::uint64_t track, std::string_view name,
                 VirtualTime began, VirtualTime ended, const json& arguments) {
    add({{"ph", "X"},
         {"pid", process},
         {"tid", track},
         {"name", name},
         {"ts", us(began)},
         {"dur", us(ended - began)},
         {"args", arguments}});
  }

  void end_slice(std::size_t cpu, VirtualTime at) {
    const Slice slice = std::move(running_[cpu]);
    running_[cpu] = {};
    if (slice.thread == 0) return;
    add_slice(0, cpu, slice.name, slice.began, at, {{"thread", slice.thread}});
  }

  void add_switch(const MachineEvent& event) {
    if (event.cpu >= running_.size()) return;
    end_slice(event.cpu, event.at);
    running_[event.cpu] = {event.at, event.other, std::string(ring_.text(event.other_name))};
    if (const auto woken = woken_.find(event.other); woken != woken_.end()) {
      add({{"ph", "f"},
           {"bp", "e"},
           {"id", woken->second},
           {"pid", 0},
           {"tid", event.cpu},
           {"name", "wakeup"},
           {"cat", "sched"},
           {"ts", us(event.at)}});
      woken_.erase(woken);
      --ready_;
      add_counter(event.at);
    }
  }

  void add_wakeup(const MachineEvent& event) {
    if (!woken_.emplace(event.other, ++flows_).second) return;
    add({{"ph", "s"},
         {"id", flows_},
         {"pid", 0},
         {"tid", event.cpu},
         {"name", "wakeup"},
         {"cat", "sched"},
         {"ts", us(event.at)}});
    ++ready_;
    add_counter(event.at);
  }

  void add_counter(VirtualTime at) {
    add({{"ph", "C"},
         {"pid", 0},
         {"name", "woken, not yet running"},
         {"ts", us(at)},
         {"args", {{"threads", ready_}}}});
  }

  void add_fault(const MachineEvent& event) {
    ++faults_;
    add_instant(event, event.value == 0   ? "minor fault"
                       : event.value == 1 ? "major fault"
                                          : "violation");
    add({{"ph", "C"},
         {"pid", 0},
         {"name", "page faults"},
         {"ts", us(event.at)},
         {"args", {{"faults", faults_}}}});
  }

  void add_instant(const MachineEvent& event, std::string_view name) {
    add({{"ph", "i"},
         {"s", "t"},
         {"pid", event.process},
         {"tid", event.thread},
         {"name", name},
         {"ts", us(event.at)}});
  }

  void end_call(ProcessNumber thread, VirtualTime at, std::optional<std::int64_t> value) {
    const auto found = calls_.find(thread);
    if (found == calls_.end()) return;
    const MachineEvent& enter = found->second;
    json arguments = json::object();
    if (enter.text != 0) arguments["text"] = std::string(ring_.text(enter.text));
    if (value) arguments["result"] = *value;
    add_slice(enter.process, static_cast<std::uint64_t>(thread),
              name_of(static_cast<SystemCall>(enter.number)), enter.at, at, arguments);
    calls_.erase(found);
  }

  const EventRing& ring_;
  std::vector<Slice> running_;
  std::map<ProcessNumber, MachineEvent> calls_;
  std::unordered_map<ProcessNumber, std::uint64_t> woken_;
  std::set<std::pair<ProcessNumber, ProcessNumber>> named_;
  std::uint64_t flows_ = 0;
  std::uint64_t faults_ = 0;
  std::int64_t ready_ = 0;
  VirtualTime newest_;
  std::string text_;
};

}  // namespace

std::string chrome_trace(const EventRing& ring, std::uint32_t cpus) {
  ChromeTrace trace(ring, cpus);
  for (std::uint64_t n = ring.first(); n < ring.end(); ++n) trace.add(ring.at(n));
  return trace.take();
}

}  // namespace spindle::procfs
