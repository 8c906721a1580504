// EventTrace: what happens under each request, layer by layer, as typed events in a ring.
//
//   EventTrace trace(16384, &thread::current_thread::tag);  // the tag: for which request it works
//   trace.start();                                          // all layers of this kernel thread
//   trace_event(EventKind::kDurable, {epoch});              // in a layer
//   trace.for_each([](const TraceEvent& event) { ... });    // oldest first
//
// A layer knows this header and nobody above it. While no trace is started, an event costs a look
// at one thread-local pointer. Otherwise it costs reading a clock and copying some 150 bytes, and
// an allocation only for a text longer than any before in its place of the ring. Neighbouring
// blocks of one kind and request become one event, unless it has been read meanwhile.
//
// `event_type` says what the numbers of a kind mean; words have static storage. The ring belongs to
// the kernel thread that started it.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <functional>
#include <initializer_list>
#include <string>
#include <string_view>
#include <vector>

namespace spindle {

enum class EventKind : std::uint8_t {
  kRequest,     ///< a request of the kernel begins
  kTarget,      ///< the other name or file that it is about
  kReply,       ///< the request's answer leaves
  kTask,        ///< work begins that is nobody's request
  kDone,        ///< such work ends
  kMap,         ///< the place of a file's blocks was looked up
  kAllocate,    ///< blocks are given to a file
  kHit,         ///< blocks were in the cache
  kMiss,        ///< blocks were not in the cache
  kBlank,       ///< blocks came into the cache without being read
  kReadAhead,   ///< blocks are read before anybody asked for them
  kEvict,       ///< blocks leave the cache for others
  kWriteBack,   ///< dirty blocks go home
  kBegin,       ///< a transaction begins
  kCommit,      ///< a transaction joins an epoch
  kLogFull,     ///< a transaction waits for room in the log
  kWaitEpoch,   ///< somebody waits until an epoch is durable
  kLog,         ///< an epoch's entry goes to the log
  kDurable,     ///< an epoch is durable
  kCheckpoint,  ///< durable blocks go home
  kQueue,       ///< blocks enter the disk's queue
  kServe,       ///< the arm has served the blocks of a request
  kTransfer,    ///< a disk without time has moved blocks
  kFlush,       ///< the device makes durable what it was given
  kLost,        ///< only where a trace is read: these events had to give way to newer ones
};
inline constexpr std::size_t kEventKinds = 25;
inline constexpr std::size_t kEventNumbers = 12;

/// What the fields of a kind of event are called; an empty name: it has no such field.
struct EventType {
  std::string_view name;   ///< "hit"
  std::string_view layer;  ///< "cache"
  std::string_view word;
  std::string_view text;
  std::array<std::string_view, kEventNumbers> numbers;
};
const EventType& event_type(EventKind kind);

struct TraceEvent {
  std::uint64_t number = 0;   ///< events are numbered from 1 on, without gaps
  std::int64_t at_ns = 0;     ///< monotonic
  std::uint64_t request = 0;  ///< the request that caused it; 0: none did
  EventKind kind{};
  std::array<std::uint64_t, kEventNumbers> numbers{};
  std::string_view word;
  std::string text;
};

class EventTrace {
 public:
  static constexpr std::size_t kLargest = 1 << 20;

  /// Keeps the last `capacity` events, 1 to kLargest. `whose` answers with the number of the
  /// request for which the calling thread works.
  EventTrace(std::size_t capacity, std::uint64_t (*whose)());
  ~EventTrace() { stop(); }
  EventTrace(const EventTrace&) = delete;
  EventTrace& operator=(const EventTrace&) = delete;

  /// At most one trace of a kernel thread is on: a second takes the place of the first.
  void start();
  void stop();
  [[nodiscard]] bool is_on() const;
  void clear() { kept_ = lost_ = 0; }
  /// Forgets all events. std::bad_alloc if there is no memory for so many: then nothing changes.
  void resize(std::size_t capacity);
  /// Called after each event; must not make one.
  void on_event(std::function<void()> told) { told_ = std::move(told); }

  /// The next number of a request; from 1 on.
  std::uint64_t new_request() { return ++requests_; }
  void add(EventKind kind, std::initializer_list<std::uint64_t> numbers, std::string_view word = {},
           std::string_view text = {});
  void add_for(std::uint64_t whose, EventKind kind, std::initializer_list<std::uint64_t> numbers,
               std::string_view word = {}, std::string_view text = {});
  /// One block of a kind whose two numbers are a run: it may join one of the last two events.
  void add_block(EventKind kind, std::uint64_t block, std::string_view word = {});
  /// The request for which the calling thread works; 0: nobody's.
  [[nodiscard]] std::uint64_t request() const { return request_(); }

  [[nodiscard]] std::size_t capacity() const { return capacity_; }
  [[nodiscard]] std::size_t size() const { return kept_; }
  /// How many events gave way to newer ones since the trace was cleared or resized.
  [[nodiscard]] std::uint64_t lost() const { return lost_; }
  /// How many there were in all: the number of the newest.
  [[nodiscard]] std::uint64_t recorded() const { return recorded_; }
  /// The events so far have been read: they do not change any more.
  void seal() { sealed_ = recorded_; }
  /// The `index`-th of those kept, the oldest being 0; below size().
  [[nodiscard]] const TraceEvent& at(std::size_t index) const {
    return ring_[(recorded_ - kept_ + index) % ring_.size()];
  }
  template <class Visit>
  void for_each(Visit&& visit) const {
    for (std::size_t i = 0; i < size(); ++i) visit(at(i));
  }

 private:
  std::size_t capacity_ = 0;
  std::vector<TraceEvent> ring_;  ///< empty before the first event: most mounts are never traced
  std::uint64_t (*request_)();
  std::uint64_t recorded_ = 0;
  std::size_t kept_ = 0;
  std::uint64_t lost_ = 0;
  std::uint64_t sealed_ = 0;  ///< the number up to which events do not change
  std::uint64_t requests_ = 0;
  std::function<void()> told_;
};

/// The trace that is on in this kernel thread, or null.
extern constinit thread_local EventTrace* active_trace;

inline void trace_event(EventKind kind, std::initializer_list<std::uint64_t> numbers,
                        std::string_view word = {}, std::string_view text = {}) {
  if (active_trace != nullptr) [[unlikely]]
    active_trace->add(kind, numbers, word, text);
}

inline void trace_block(EventKind kind, std::uint64_t block, std::string_view word = {}) {
  if (active_trace != nullptr) [[unlikely]]
    active_trace->add_block(kind, block, word);
}

}  // namespace spindle
