#include "spindle/control/trace_files.h"

#include <fmt/format.h>

#include <memory>

#include "control/file_kinds.h"
#include "spindle/base/clock.h"
#include "spindle/base/json_text.h"
#include "spindle/base/number_text.h"
#include "spindle/base/printable.h"
#include "spindle/json/json.h"

namespace spindle {
namespace {

using Json = nlohmann::ordered_json;

/// Stands in the place of `count` events that nobody can read any more, before those kept.
TraceEvent lost_events(std::uint64_t count, const EventTrace& trace) {
  TraceEvent event{.number = trace.recorded() - trace.size(), .kind = EventKind::kLost};
  event.at_ns = trace.size() == 0 ? monotonic_ns() : trace.at(0).at_ns;
  event.numbers[0] = count;
  return event;
}

/// Visits first how many events are lost, then all that are kept.
template <class Visit>
void for_each_told(const EventTrace& trace, Visit&& visit) {
  if (trace.lost() != 0) visit(lost_events(trace.lost(), trace));
  trace.for_each(visit);
}

std::string trace_text(const EventTrace& trace) {
  std::string text;
  for_each_told(trace, [&text](const TraceEvent& event) { text += event_text(event); });
  return text;
}

std::string trace_json(const EventTrace& trace) {
  std::string text = "[";
  for_each_told(trace, [&text](const TraceEvent& event) {
    text += text.size() == 1 ? "\n" : ",\n";
    text += event_json(event);
  });
  return text + "\n]\n";
}

/// What one reader of the live trace has not read yet.
class TracePipe {
 public:
  using Format = std::string (*)(const TraceEvent& event);
  TracePipe(EventTrace& trace, Format format)
      : trace_(trace), format_(format), next_(trace.recorded() + 1) {}

  std::string take(std::size_t size) {
    const std::uint64_t oldest = trace_.recorded() - trace_.size() + 1;
    if (next_ < oldest) {
      rest_ += format_(lost_events(oldest - next_, trace_));
      next_ = oldest;
    }
    trace_.seal();
    while (rest_.size() < size && next_ <= trace_.recorded()) {
      rest_ += format_(trace_.at(next_++ - oldest));
    }
    std::string part = rest_.substr(0, size);
    rest_.erase(0, size);
    return part;
  }

 private:
  EventTrace& trace_;
  Format format_;
  std::uint64_t next_;  ///< the number of the event that comes next
  std::string rest_;    ///< the end of an event that was too long for the last read
};

void add_pipe(ControlTree& tree, std::string_view path, EventTrace& trace, TracePipe::Format format,
              const std::shared_ptr<thread::WaitQueue>& arrivals) {
  tree.add_file(path, [&trace, format, arrivals] {
    const auto pipe = std::make_shared<TracePipe>(trace, format);
    ControlFile file{.is_private = true};
    file.stream.arrivals = arrivals.get();
    file.stream.take = [pipe, arrivals](std::size_t size) -> Result<std::string> {
      return pipe->take(size);
    };
    return file;
  });
}

Result<> set_size(EventTrace& trace, std::string_view text) {
  static_assert(EventTrace::kLargest == 1048576);
  const auto size = number_in<std::size_t>(text);
  if (!size || *size == 0 || *size > EventTrace::kLargest) {
    return Error{EINVAL, "the trace keeps 1 to 1048576 events"};
  }
  trace.resize(*size);
  return {};
}

}  // namespace

std::string event_text(const TraceEvent& event) {
  const EventType& type = event_type(event.kind);
  const auto nanoseconds = static_cast<std::uint64_t>(event.at_ns);
  std::string line =
      fmt::format("{:6}.{:06} #{} {} {}", nanoseconds / 1'000'000'000,
                  nanoseconds / 1000 % 1'000'000, event.request, type.layer, type.name);
  if (!type.word.empty()) fmt::format_to(std::back_inserter(line), " {}", event.word);
  if (!type.text.empty()) fmt::format_to(std::back_inserter(line), " {}", printable(event.text));
  for (std::size_t i = 0; i < kEventNumbers && !type.numbers[i].empty(); ++i) {
    fmt::format_to(std::back_inserter(line), " {}={}", type.numbers[i], event.numbers[i]);
  }
  return line + "\n";
}

std::string event_json(const TraceEvent& event) {
  const EventType& type = event_type(event.kind);
  Json json = {{"number", event.number},
               {"at_ns", event.at_ns},
               {"request", event.request},
               {"layer", type.layer},
               {"event", type.name}};
  if (!type.word.empty()) json[std::string(type.word)] = event.word;
  if (!type.text.empty()) json[std::string(type.text)] = event.text;
  for (std::size_t i = 0; i < kEventNumbers && !type.numbers[i].empty(); ++i) {
    json[std::string(type.numbers[i])] = event.numbers[i];
  }
  // A name on the disk may contain any bytes.
  return json_text(json, kOneLine);
}

std::string event_json_line(const TraceEvent& event) {
  return event_json(event) + "\n";
}

void add_trace_files(ControlTree& tree, EventTrace& trace) {
  tree.add_file("trace", {.read = [&trace]() -> Result<std::string> { return trace_text(trace); },
                          .is_private = true});
  tree.add_file("trace.json",
                {.read = [&trace]() -> Result<std::string> { return trace_json(trace); },
                 .is_private = true});
  const auto arrivals = std::make_shared<thread::WaitQueue>("trace");
  trace.on_event([arrivals] { arrivals->wake_all(); });
  add_pipe(tree, "trace_pipe", trace, &event_text, arrivals);
  add_pipe(tree, "trace_pipe.jsonl", trace, &event_json_line, arrivals);
  control::add_switch(
      tree, "trace_on", [&trace] { return trace.is_on(); },
      [&trace](bool on) { on ? trace.start() : trace.stop(); });
  tree.add_file("trace_size",
                {.read = [&trace]() -> Result<std::string> {
                   return std::to_string(trace.capacity()) + "\n";
                 },
                 .write = [&trace](std::string_view text) { return set_size(trace, text); }});
}

}  // namespace spindle
