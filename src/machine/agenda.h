// Agenda: what will happen at which instant, besides the ends of the CPUs' activities.
//
// Within one instant, arrivals come first, then events of devices and timers (or these before
// arrivals), then the machine's own housekeeping; of equals, the entry that was added first. An
// entry that is not wanted any more stays: its handler recognises it by its `number`.
#pragma once

#include <cstdint>
#include <optional>
#include <queue>
#include <vector>

#include "spindle/base/clock.h"

namespace spindle {

struct AgendaEntry {
  enum class Kind : std::uint8_t {
    kArrival,  ///< thread `subject` arrives
    kTimer,    ///< the timer of the wait of thread `subject` fires
    kAlarm,    ///< the alarm of process `subject` fires
    kDisk,     ///< the request in service is done
    kVictim,   ///< thread `subject` is to end, so that others can go on
    kCron,     ///< a minute begins in which a program starts
    kCrontab,  ///< a minute begins: was the crontab changed?
    kBalance,
    kLoad,    ///< the load averages are counted on
    kReview,  ///< memory reviews its load
  };
  VirtualTime at;
  Kind kind = Kind::kLoad;
  std::uint64_t number = 0;
  std::int64_t subject = 0;

  /// Whether it can make a program go on.
  [[nodiscard]] bool is_for_programs() const { return kind <= Kind::kCron; }
  [[nodiscard]] bool is_housekeeping() const { return kind >= Kind::kCron; }
};

class Agenda {
 public:
  explicit Agenda(bool devices_first) : entries_(Later{devices_first}) {}
  /// The number of the new entry, which is never 0.
  std::uint64_t add(VirtualTime at, AgendaEntry::Kind kind, std::int64_t subject = 0) {
    entries_.push({at, kind, ++last_number_, subject});
    if (kind <= AgendaEntry::Kind::kCron) ++for_programs_;
    return last_number_;
  }
  [[nodiscard]] const AgendaEntry* first() const {
    return entries_.empty() ? nullptr : &entries_.top();
  }
  AgendaEntry take() {
    const AgendaEntry entry = entries_.top();
    entries_.pop();
    if (entry.is_for_programs()) --for_programs_;
    return entry;
  }
  [[nodiscard]] std::size_t size() const { return entries_.size(); }
  /// Entries that can make a program go on, including those that nobody wants any more.
  [[nodiscard]] std::uint64_t for_programs() const { return for_programs_; }

 private:
  struct Later {
    bool devices_first;
    [[nodiscard]] int rank(const AgendaEntry& entry) const {
      if (entry.is_housekeeping()) return 2;
      return (entry.kind == AgendaEntry::Kind::kArrival) == devices_first ? 1 : 0;
    }
    bool operator()(const AgendaEntry& a, const AgendaEntry& b) const {
      if (a.at != b.at) return a.at > b.at;
      if (rank(a) != rank(b)) return rank(a) > rank(b);
      return a.number > b.number;
    }
  };
  std::priority_queue<AgendaEntry, std::vector<AgendaEntry>, Later> entries_;
  std::uint64_t last_number_ = 0;
  std::uint64_t for_programs_ = 0;
};

}  // namespace spindle
