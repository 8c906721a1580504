// Trace: records who ran when and what the others waited for, and writes it as Chrome trace events
// (JSON that https://ui.perfetto.dev and chrome://tracing open).
//
//   Trace trace(*Runtime::current());
//   ...
//   write_file("trace.json", trace.chrome_json());
//
// Each thread is a row with the spans in which it ran; each wait is a span of the row "waits", with
// the kind and the name of what was waited for. While a Trace exists, each switch reads the clock
// and stores 48 bytes; when `most_events` are stored, the oldest are overwritten. Only one Trace
// of a runtime may exist at a time: a second one ends the program at a CHECK.
#pragma once

#include <cstddef>
#include <memory>
#include <string>

#include "spindle/thread/runtime.h"

namespace spindle::thread {

class Trace {
 public:
  explicit Trace(Runtime& runtime, std::size_t most_events = 1 << 16);
  ~Trace();
  Trace(const Trace&) = delete;
  Trace& operator=(const Trace&) = delete;

  /// What was recorded so far.
  [[nodiscard]] std::string chrome_json() const;
  /// How many events were overwritten.
  [[nodiscard]] std::size_t lost() const;

 private:
  class Recorder;
  Runtime& runtime_;
  std::unique_ptr<Recorder> recorder_;
};

}  // namespace spindle::thread
