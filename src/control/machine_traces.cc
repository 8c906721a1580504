// The machine's ring of events, as files: trace, trace_pipe and trace.json.

#include <fmt/format.h>

#include <algorithm>

#include "control/later_look.h"
#include "control/machine_folder.h"
#include "spindle/procfs/event_text.h"

namespace spindle::control {
namespace {

/// Each event once, to whoever reads first.
class EventPipe : public std::enable_shared_from_this<EventPipe> {
 public:
  explicit EventPipe(MachineAccess machine) : machine_(machine) {}

  Result<std::string> take(std::size_t size) {
    if (pending_.empty()) pending_ = TRY(machine_.with([this](Machine& m) { return next(m); }));
    if (pending_.empty()) later.ask(shared_from_this());
    std::string part = pending_.substr(0, size);
    pending_.erase(0, part.size());
    return part;
  }

  LaterLook later{"machine events"};

 private:
  static constexpr std::uint64_t kMostAtOnce = 512;

  Result<std::string> next(Machine& machine) {
    const EventRing& ring = machine.events();
    std::string text;
    if (next_ > ring.end()) next_ = 0;  // another machine
    if (next_ < ring.first()) {
      text = fmt::format("CPU:0 [LOST {} EVENTS]\n", ring.first() - next_);
      next_ = ring.first();
    }
    const std::uint64_t end = std::min(ring.end(), next_ + kMostAtOnce);
    for (; next_ < end; ++next_) procfs::ftrace_line(ring, ring.at(next_), text);
    return text;
  }

  MachineAccess machine_;
  std::uint64_t next_ = 0;
  std::string pending_;
};

}  // namespace

void add_machine_traces(ControlTree& tree, MachineAccess machine) {
  tree.add_file("machine/trace", {.read = [machine] {
                  return machine.with([](Machine& m) -> Result<std::string> {
                    return procfs::ftrace_text(m.events(), m.configuration().cpus);
                  });
                }});
  tree.add_file("machine/trace.json", {.read = [machine] {
                  return machine.with([](Machine& m) -> Result<std::string> {
                    return procfs::chrome_trace(m.events(), m.configuration().cpus);
                  });
                }});
  const auto pipe = std::make_shared<EventPipe>(machine);
  ControlFile file;
  file.stream.take = [pipe](std::size_t size) { return pipe->take(size); };
  file.stream.arrivals = &pipe->later.arrivals;
  tree.add_file("machine/trace_pipe", std::move(file));
}

}  // namespace spindle::control
