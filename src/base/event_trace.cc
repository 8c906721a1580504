#include "spindle/base/event_trace.h"

#include <algorithm>

#include "spindle/base/check.h"
#include "spindle/base/clock.h"

namespace spindle {
namespace {

/// In the order of EventKind.
constexpr EventType kTypes[] = {
    {"request", "fuse", "operation", "path", {"inode", "offset", "size_bytes", "pid", "uid"}},
    {"target", "fuse", "", "path", {"inode"}},
    {"reply", "fuse", "", "", {"error", "bytes"}},
    {"task", "background", "what", "", {"epoch"}},
    {"done", "background", "", "", {}},
    {"map",
     "alloc",
     "strategy",
     "",
     {"inode", "file_block", "block", "blocks", "is_hole", "is_unwritten"}},
    {"allocate", "alloc", "strategy", "", {"inode", "file_block", "block", "blocks"}},
    {"hit", "cache", "", "", {"block", "blocks"}},
    {"miss", "cache", "", "", {"block", "blocks"}},
    {"blank", "cache", "", "", {"block", "blocks"}},
    {"read_ahead", "cache", "", "", {"block", "blocks"}},
    {"evict", "cache", "policy", "", {"block", "blocks"}},
    {"write_back", "cache", "", "", {"block", "blocks"}},
    {"begin", "journal", "", "", {"log_bytes"}},
    {"commit", "journal", "", "", {"epoch", "blocks", "log_bytes"}},
    {"log_full", "journal", "", "", {"log_bytes"}},
    {"wait_epoch", "journal", "", "", {"epoch"}},
    {"log", "journal", "", "", {"epoch", "log_block", "blocks"}},
    {"durable", "journal", "", "", {"epoch"}},
    {"checkpoint", "journal", "", "", {"epoch", "blocks"}},
    {"queue", "disk", "kind", "purpose", {"block", "blocks", "depth", "virtual_ns"}},
    {"serve",
     "disk",
     "kind",
     "",
     {"block", "blocks", "from", "to", "end", "cylinders", "seek_ns", "rotation_ns", "transfer_ns",
      "arrival_virtual_ns", "begin_virtual_ns", "depth"}},
    {"transfer", "disk", "kind", "purpose", {"block", "blocks"}},
    {"flush", "disk", "", "", {}},
    {"lost", "trace", "", "", {"events"}},
};
static_assert(std::size(kTypes) == kEventKinds);

}  // namespace

constinit thread_local EventTrace* active_trace = nullptr;

const EventType& event_type(EventKind kind) {
  return kTypes[static_cast<std::size_t>(kind)];
}

EventTrace::EventTrace(std::size_t capacity, std::uint64_t (*whose)())
    : capacity_(capacity), request_(whose) {
  CHECK(capacity > 0 && capacity <= kLargest);
}

void EventTrace::resize(std::size_t capacity) {
  CHECK(capacity > 0 && capacity <= kLargest);
  std::vector<TraceEvent> ring;
  ring.reserve(capacity);
  ring_ = std::move(ring);
  capacity_ = capacity;
  clear();
}

void EventTrace::start() {
  active_trace = this;
}

void EventTrace::stop() {
  if (is_on()) active_trace = nullptr;
}

bool EventTrace::is_on() const {
  return active_trace == this;
}

void EventTrace::add(EventKind kind, std::initializer_list<std::uint64_t> numbers,
                     std::string_view word, std::string_view text) {
  add_for(request_(), kind, numbers, word, text);
}

void EventTrace::add_for(std::uint64_t whose, EventKind kind,
                         std::initializer_list<std::uint64_t> numbers, std::string_view word,
                         std::string_view text) {
  if (ring_.empty()) ring_.resize(capacity_);
  TraceEvent& event = ring_[recorded_ % ring_.size()];
  event.number = ++recorded_;
  event.at_ns = monotonic_ns();
  event.request = whose;
  event.kind = kind;
  std::fill(std::ranges::copy(numbers, event.numbers.begin()).out, event.numbers.end(), 0);
  event.word = word;
  event.text.assign(text);
  if (kept_ == ring_.size()) ++lost_;
  kept_ = std::min(kept_ + 1, ring_.size());
  if (told_) told_();
}

void EventTrace::add_block(EventKind kind, std::uint64_t block, std::string_view word) {
  // A miss and whom it evicts come by turns: so the last event but one counts, too.
  constexpr std::size_t kLookedAt = 2;
  const std::uint64_t whose = request_();
  for (std::size_t back = 1; back <= std::min(kLookedAt, kept_); ++back) {
    TraceEvent& before = ring_[(recorded_ - back) % ring_.size()];
    if (before.number > sealed_ && before.kind == kind && before.request == whose &&
        before.numbers[0] + before.numbers[1] == block) {
      ++before.numbers[1];
      return;
    }
  }
  add_for(whose, kind, {block, 1}, word);
}

}  // namespace spindle
