#include <fmt/format.h>

#include <cstring>
#include <iterator>
#include <unordered_map>

#include "spindle/machine/machine_signal.h"
#include "spindle/procfs/event_text.h"

namespace spindle::procfs {
namespace {

std::string quoted(std::string_view text) {
  std::string out = "\"";
  for (const char c : text) {
    if (c == '"' || c == '\\') out += '\\';
    if (c == '\n') {
      out += "\\n";
    } else {
      out += c;
    }
  }
  return out + "\"";
}

/// The call as "read(3, 4096, 0": its text, if it has one, comes first, then its numbers.
std::string call_text(const EventRing& ring, const MachineEvent& enter) {
  std::string arguments;
  if (enter.text != 0) arguments = quoted(ring.text(enter.text));
  std::size_t used = enter.arguments.size();
  while (used > 0 && enter.arguments[used - 1] == 0) --used;
  for (std::size_t i = 0; i < used; ++i) {
    if (!arguments.empty()) arguments += ", ";
    arguments += fmt::format("{}", enter.arguments[i]);
  }
  return fmt::format("{}({}", name_of(static_cast<SystemCall>(enter.number)), arguments);
}

std::string result_text(std::int64_t value) {
  if (value >= 0 || value < -4095) return fmt::format("{}", value);
  const int error = static_cast<int>(-value);
  const char* name = ::strerrorname_np(error);
  return fmt::format("-1 {} ({})", name != nullptr ? name : "?", ::strerror(error));
}

class Strace {
 public:
  explicit Strace(const EventRing& ring) : ring_(ring) {}

  void add(const MachineEvent& event) {
    switch (event.kind) {
      case MachineEventKind::kSyscallEnter:
        open_[event.thread] = event;
        break;
      case MachineEventKind::kSyscallExit:
        add_exit(event);
        break;
      case MachineEventKind::kSignalHandled:
        add_line(event, fmt::format("--- SIG{} ---", signal_name(event.number)));
        break;
      case MachineEventKind::kExit:
        add_end(event);
        break;
      default:
        break;
    }
  }

  /// Calls that are still under way come last, as strace shows them.
  std::string take() {
    for (const auto& [thread, enter] : open_) {
      add_line(enter, call_text(ring_, enter) + " <unfinished ...>");
    }
    return std::move(text_);
  }

 private:
  void add_line(const MachineEvent& event, std::string_view what) {
    fmt::format_to(std::back_inserter(text_), "{} {}.{:06} {}\n", event.thread,
                   event.at.ns / 1'000'000'000, event.at.ns / 1000 % 1'000'000, what);
  }

  void add_exit(const MachineEvent& event) {
    const auto found = open_.find(event.thread);
    if (found == open_.end()) return;  // the ring has forgotten how it began
    const std::int64_t took_us = (event.at - found->second.at).ns / 1000;
    add_line(found->second,
             fmt::format("{}) = {} <{}.{:06}>", call_text(ring_, found->second),
                         result_text(event.value), took_us / 1'000'000, took_us % 1'000'000));
    open_.erase(found);
  }

  void add_end(const MachineEvent& event) {
    if (const auto found = open_.find(event.thread); found != open_.end()) {
      add_line(found->second, call_text(ring_, found->second) + ") = ?");
      open_.erase(found);
    }
    const auto status = static_cast<int>(event.value);
    const int signal = status & 0x7f;
    add_line(event, signal == 0 ? fmt::format("+++ exited with {} +++", status >> 8 & 0xff)
                                : fmt::format("+++ killed by SIG{} +++", signal_name(signal)));
  }

  const EventRing& ring_;
  std::unordered_map<ProcessNumber, MachineEvent> open_;
  std::string text_;
};

}  // namespace

std::string strace_text(const EventRing& ring, ProcessNumber process) {
  Strace strace(ring);
  for (std::uint64_t n = ring.first(); n < ring.end(); ++n) {
    if (ring.at(n).process == process) strace.add(ring.at(n));
  }
  return strace.take();
}

}  // namespace spindle::procfs
