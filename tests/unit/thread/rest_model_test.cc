// A model of how workers rest and wake one another (src/thread/workers.cc and several_workers.cc),
// of which every state is visited: no interleaving of the steps leaves a thread ready that a
// sleeping worker could run while no awake worker will look for it. Errors that are put into the
// model are found.
//
// Threads are only counted: a running one may put others into its worker's deque, in a section or
// in a passage, send one to another worker, end, or keep its worker for ever. In a passage what is
// put in becomes visible later than what is done next, as the processor may do; whatever a locked
// instruction or the lock follows has become visible.
#include <gtest/gtest.h>

#include <array>
#include <cstdint>
#include <cstring>
#include <string_view>
#include <unordered_set>
#include <vector>

namespace spindle::thread {
namespace {

constexpr std::size_t kMostWorkers = 3;
constexpr std::uint8_t kNobody = 255;

enum class At : std::uint8_t {
  kRuns,  // a thread
  // A thread is made ready (hand_on) or sent, or somebody is asked to watch.
  kPush,
  kSend,
  kSendWake,
  kReadIdle,
  kReadWatched,
  kSetWatched,
  kPassOn,
  kLookForWatcher,
  kAskWithoutLook,
  kReadIdleAgain,
  kSeek,
  kExchange,
  kLeave,
  kWakeNoted,
  // The root: takes the next one or steals (go_on).
  kTakeSent,
  kTakeOwn,
  kSteal,
  kGoesToWork,
  // ... or looks for events and rests.
  kEnterToRest,
  kLookForPosted,
  kLookAtOwn,
  kCountIdle,
  kSetWord,
  kLookAtInbox,
  kLookAtPosted,
  kBeginWatch,
  kLeaveToSleep,
  kFutex,
  kSleeps,
  kEnterToRise,
  kClearWord,
  kUncountIdle,
  kTakeWatch,
};

struct WorkerState {
  At at = At::kTakeSent;
  std::uint8_t deque = 0;   // what others see of it
  std::uint8_t hidden = 0;  // put in, and not visible yet
  std::uint8_t inbox = 0;
  std::uint8_t word = 0;  // 1: it sleeps, or is about to
  std::uint8_t in_futex = 0;
  std::uint8_t limited = 0;  // its sleep
  std::uint8_t owes_watch = 0;
  std::uint8_t in_section = 0;
  std::uint8_t runs = 0;  // a thread, to which it returns when it has made another ready
  std::uint8_t to_wake = kNobody;
  std::uint8_t other = 0;  // that it looks at
};

struct State {
  std::array<WorkerState, kMostWorkers> workers;
  std::uint8_t lock = kNobody;
  std::uint8_t idle = 0;
  std::uint8_t watched = 0;  // somebody_watches_
  std::uint8_t watcher = kNobody;
  std::uint8_t posted = 0;
  std::uint8_t to_make_ready = 0;  // so many more
  std::uint8_t to_post = 0;
  At poster = At::kRuns;  // a kernel thread that is no worker
  std::uint8_t poster_other = 0;
  std::uint8_t poster_wakes = kNobody;

  bool operator==(const State& other) const { return std::memcmp(this, &other, sizeof *this) == 0; }
};
static_assert(std::has_unique_object_representations_v<State>);

struct HashOfState {
  std::size_t operator()(const State& state) const {
    return std::hash<std::string_view>()({reinterpret_cast<const char*>(&state), sizeof state});
  }
};

enum class Kind { kFcfs, kChildFirst, kPolicy };

/// An error that the model must find.
enum class ModelError {
  kNone,
  kBelievesInAWatcher,
  kNobodyIsWatcher,
  kWatchIsNotPassedOn,
  kOneReadyThreadAsksNobody,
  kLooksBeforeItSleeps,
  kSleepsWhateverTheWord,
};

struct Setting {
  std::size_t workers;
  Kind kind;
  std::uint8_t to_make_ready;
  std::uint8_t to_post;
  ModelError error = ModelError::kNone;
};

class Model {
 public:
  explicit Model(const Setting& setting) : setting_(setting) {
    State first;
    first.to_make_ready = setting.to_make_ready;
    first.to_post = setting.to_post;
    first.workers[0].at = At::kRuns;
    first.workers[0].runs = 1;
    add(first);
  }

  /// Visits every state; false as soon as a thread is forgotten.
  bool nothing_is_forgotten() {
    while (!to_visit_.empty()) {
      const State state = to_visit_.back();
      to_visit_.pop_back();
      if (forgets(state)) return false;
      for (std::uint8_t i = 0; i < setting_.workers; ++i) step(state, i);
      step_poster(state);
    }
    return true;
  }
  [[nodiscard]] std::size_t states() const { return seen_.size(); }

 private:
  void add(const State& state) {
    if (seen_.insert(state).second) to_visit_.push_back(state);
  }

  /// Workers that run a thread may do so for ever; all others sleep without limit.
  [[nodiscard]] bool forgets(const State& state) const {
    if (state.poster != At::kRuns) return false;
    bool anything_to_run = state.posted > 0;
    bool anybody_sleeps = false;
    bool sleeps_in_vain = false;
    for (std::size_t i = 0; i < setting_.workers; ++i) {
      const WorkerState& worker = state.workers[i];
      const bool sleeps = worker.at == At::kSleeps && worker.in_futex != 0 && worker.limited == 0;
      const bool runs = worker.at == At::kRuns && worker.hidden == 0;
      if (!sleeps && !runs) return false;
      anybody_sleeps = anybody_sleeps || sleeps;
      sleeps_in_vain = sleeps_in_vain || (sleeps && (worker.inbox > 0 || worker.word == 0));
      anything_to_run = anything_to_run || worker.deque > 0;
    }
    return sleeps_in_vain || (anything_to_run && anybody_sleeps);
  }

  /// Of the worker, or of all where a policy has them.
  std::uint8_t& ready_of(State& state, std::uint8_t number) const {
    return state.workers[setting_.kind == Kind::kPolicy ? 0 : number].deque;
  }

  void step(const State& before, std::uint8_t number) {
    State state = before;
    WorkerState& self = state.workers[number];
    if (self.hidden > 0) {
      State shown = before;
      --shown.workers[number].hidden;
      ++shown.workers[number].deque;
      add(shown);
    }
    if (self.at == At::kRuns) return run(before, number);
    if (self.at >= At::kEnterToRest) {
      if (rest(state, number)) add(state);
    } else if (self.at >= At::kTakeSent) {
      if (take(state, number)) add(state);
    } else if (make_ready(state, number)) {
      add(state);
    }
  }

  void run(const State& before, std::uint8_t number) {
    State state = before;
    WorkerState& self = state.workers[number];
    self.at = At::kTakeSent;  // it ends
    self.runs = 0;
    add(state);
    if (before.to_make_ready == 0) return;
    state = before;
    --state.to_make_ready;
    if (setting_.kind != Kind::kPolicy) {
      self.at = At::kPush;
      add(state);
    }
    if (before.lock == kNobody && self.hidden == 0) {
      State locked = state;
      locked.lock = number;
      locked.workers[number].in_section = 1;
      locked.workers[number].at = At::kPush;
      add(locked);
    }
    for (std::uint8_t other = 0; other < setting_.workers; ++other) {
      if (other == number) continue;
      self.at = At::kSend;
      self.other = other;
      add(state);
    }
  }

  // Each of the following is false if the worker cannot do its next step yet.

  bool make_ready(State& state, std::uint8_t number) {
    WorkerState& self = state.workers[number];
    const bool drained = self.hidden == 0;
    switch (self.at) {
      case At::kPush:
        setting_.kind == Kind::kPolicy ? ++ready_of(state, number) : ++self.hidden;
        self.at = At::kReadIdle;
        return true;
      case At::kSend:
        if (!drained) return false;
        ++state.workers[self.other].inbox;
        self.at = At::kSendWake;
        return true;
      case At::kSendWake:
        if (!drained) return false;
        wake(state, self);
        self.at = At::kLeave;
        return true;
      case At::kReadIdle: {
        const bool many = ready_of(state, number) + self.hidden > 1;
        self.at = state.idle == 0                                           ? At::kLeave
                  : many || setting_.kind == Kind::kChildFirst              ? At::kReadIdleAgain
                  : setting_.error == ModelError::kOneReadyThreadAsksNobody ? At::kLeave
                                                                            : At::kReadWatched;
        return true;
      }
      case At::kReadWatched:
        self.at = state.watched != 0 ? At::kLeave : At::kSetWatched;
        return true;
      case At::kSetWatched:
        if (!drained) return false;
        self.at = std::exchange(state.watched, 1) != 0 ? At::kLeave : At::kReadIdleAgain;
        return true;
      default:
        return wake_someone(state, number);
    }
  }

  static bool wake(State& state, WorkerState& self) {
    const bool slept = std::exchange(state.workers[self.other].word, 0) != 0;
    if (slept) self.to_wake = self.other;
    return slept;
  }

  bool wake_someone(State& state, std::uint8_t number) {
    WorkerState& self = state.workers[number];
    const bool drained = self.hidden == 0;
    switch (self.at) {
      case At::kPassOn:
        self.at = state.idle > 0 ? At::kLookForWatcher : At::kRuns;
        return true;
      case At::kLookForWatcher:
        self.at = state.watcher == kNobody ? At::kAskWithoutLook : At::kRuns;
        return true;
      case At::kAskWithoutLook:
        if (!drained) return false;
        state.watched = 1;
        self.at = At::kReadIdleAgain;
        return true;
      case At::kReadIdleAgain:
        self.at = state.idle == 0 ? At::kLeave : At::kSeek;
        self.other = 0;
        return true;
      case At::kSeek:
        if (self.other == setting_.workers) {
          self.at = At::kLeave;
        } else if (state.workers[self.other].word != 0) {
          self.at = At::kExchange;
        } else {
          ++self.other;
        }
        return true;
      case At::kExchange:
        if (!drained) return false;
        self.at = wake(state, self) ? At::kLeave : At::kSeek;
        return true;
      case At::kLeave:
        if (self.in_section != 0) {
          if (!drained) return false;
          state.lock = kNobody;
          self.in_section = 0;
        }
        self.at = At::kWakeNoted;
        return true;
      default:  // kWakeNoted
        if (self.to_wake != kNobody) state.workers[self.to_wake].in_futex = 0;
        self.to_wake = kNobody;
        self.at = self.runs != 0 ? At::kRuns : At::kTakeSent;
        self.other = 0;
        return true;
    }
  }

  bool take(State& state, std::uint8_t number) {
    WorkerState& self = state.workers[number];
    const bool needs_lock = setting_.kind == Kind::kPolicy;
    if (self.hidden > 0 || (needs_lock && state.lock != kNobody)) return false;
    switch (self.at) {
      case At::kTakeSent:
        self.at = self.inbox > 0 ? At::kGoesToWork : At::kTakeOwn;
        if (self.inbox > 0) --self.inbox;
        return true;
      case At::kTakeOwn: {
        std::uint8_t& ready = ready_of(state, number);
        self.at = ready > 0 ? At::kGoesToWork : needs_lock ? At::kEnterToRest : At::kSteal;
        if (ready > 0) --ready;
        self.other = 1;
        return true;
      }
      case At::kSteal: {
        std::uint8_t& victim = state.workers[(number + self.other) % setting_.workers].deque;
        if (victim > 0) {
          --victim;
          self.at = At::kGoesToWork;
        } else if (++self.other == setting_.workers) {
          self.at = At::kEnterToRest;
        }
        return true;
      }
      default: {  // kGoesToWork
        const bool owes = std::exchange(self.owes_watch, 0) != 0;
        self.at =
            owes && setting_.error != ModelError::kWatchIsNotPassedOn ? At::kPassOn : At::kRuns;
        self.other = 0;
        self.runs = 1;
        return true;
      }
    }
  }

  bool rest(State& state, std::uint8_t number) {
    WorkerState& self = state.workers[number];
    switch (self.at) {
      case At::kEnterToRest:
      case At::kEnterToRise:
        if (state.lock != kNobody) return false;
        state.lock = number;
        self.in_section = 1;
        self.at = self.at == At::kEnterToRise ? At::kClearWord : At::kLookForPosted;
        return true;
      case At::kLookForPosted:
        self.at = state.posted > 0 ? At::kPush : At::kLookAtOwn;
        while (state.posted > 1) --state.posted, ++ready_of(state, number);
        state.posted = 0;
        return true;
      case At::kLookAtOwn:
        self.at = ready_of(state, number) > 0 ? At::kLeave : At::kCountIdle;
        return true;
      case At::kCountIdle:
        ++state.idle;
        self.at =
            setting_.error == ModelError::kLooksBeforeItSleeps ? At::kLookAtInbox : At::kSetWord;
        return true;
      case At::kSetWord:
        self.word = 1;
        self.at =
            setting_.error == ModelError::kLooksBeforeItSleeps ? At::kBeginWatch : At::kLookAtInbox;
        return true;
      case At::kLookAtInbox:
        self.at = self.inbox > 0 ? At::kClearWord : At::kLookAtPosted;
        return true;
      case At::kLookAtPosted:
        self.at = state.posted > 0                                     ? At::kClearWord
                  : setting_.error == ModelError::kLooksBeforeItSleeps ? At::kSetWord
                                                                       : At::kBeginWatch;
        return true;
      default:
        return sleep(state, number);
    }
  }

  bool sleep(State& state, std::uint8_t number) {
    WorkerState& self = state.workers[number];
    switch (self.at) {
      case At::kBeginWatch:
        begin_watch(state, number);
        return true;
      case At::kLeaveToSleep:
        state.lock = kNobody;
        self.in_section = 0;
        self.at = At::kFutex;
        return true;
      case At::kFutex:
        self.in_futex =
            self.word != 0 || setting_.error == ModelError::kSleepsWhateverTheWord ? 1 : 0;
        self.at = At::kSleeps;
        return true;
      case At::kSleeps:
        if (self.in_futex != 0 && self.limited == 0) return false;
        self.in_futex = 0;
        self.limited = 0;
        self.at = At::kEnterToRise;
        return true;
      case At::kClearWord:
        self.word = 0;
        self.at = At::kUncountIdle;
        return true;
      case At::kUncountIdle:
        --state.idle;
        self.at = At::kTakeWatch;
        return true;
      default:  // kTakeWatch
        take_watch(state, number);
        self.at = At::kLeave;
        return true;
    }
  }

  void take_watch(State& state, std::uint8_t number) const {
    WorkerState& self = state.workers[number];
    if (state.watcher == number) {
      state.watcher = kNobody;
      self.owes_watch = 1;
    }
    if (state.watcher != kNobody) return;
    if (state.watched != 0) self.owes_watch = 1;
    const bool others_work = state.idle + 1u < setting_.workers;
    if (others_work) return;
    if (setting_.error != ModelError::kBelievesInAWatcher) state.watched = 0;
    self.owes_watch = 0;
  }

  void begin_watch(State& state, std::uint8_t number) {
    WorkerState& self = state.workers[number];
    self.owes_watch = 0;
    self.at = At::kLeaveToSleep;
    if (state.watcher != kNobody) return;
    if (state.idle == setting_.workers || setting_.error == ModelError::kNobodyIsWatcher) return;
    state.watcher = number;
    self.limited = 1;
    // It may have lost its patience.
    State impatient = state;
    impatient.watched = 0;
    add(impatient);
  }

  void step_poster(const State& before) {
    State state = before;
    switch (state.poster) {
      case At::kRuns:
        if (state.to_post == 0) return;
        --state.to_post;
        ++state.posted;
        state.poster = At::kReadIdleAgain;
        break;
      case At::kReadIdleAgain:
        state.poster = state.idle == 0 ? At::kRuns : At::kSeek;
        state.poster_other = 0;
        break;
      case At::kSeek:
        if (state.poster_other == setting_.workers) {
          state.poster = At::kRuns;
        } else if (std::exchange(state.workers[state.poster_other].word, 0) != 0) {
          state.poster_wakes = state.poster_other;
          state.poster = At::kWakeNoted;
        } else {
          ++state.poster_other;
        }
        break;
      default:
        state.workers[state.poster_wakes].in_futex = 0;
        state.poster_wakes = kNobody;
        state.poster = At::kRuns;
    }
    add(state);
  }

  const Setting setting_;
  std::unordered_set<State, HashOfState> seen_;
  std::vector<State> to_visit_;
};

TEST(RestModel, ForgetsNoThreadInAnyInterleaving) {
  for (const Kind kind : {Kind::kFcfs, Kind::kChildFirst, Kind::kPolicy}) {
    for (const Setting& setting : {Setting{2, kind, 2, 1}, Setting{3, kind, 1, 0}}) {
      SCOPED_TRACE(testing::Message()
                   << setting.workers << " workers, kind " << static_cast<int>(kind));
      Model model(setting);
      EXPECT_TRUE(model.nothing_is_forgotten());
      EXPECT_GT(model.states(), 10'000u);
      RecordProperty("states", static_cast<int>(model.states()));
    }
  }
}

TEST(RestModel, FindsErrors) {
  const std::vector<Setting> wrong = {
      {2, Kind::kFcfs, 2, 1, ModelError::kBelievesInAWatcher},
      {2, Kind::kFcfs, 2, 0, ModelError::kNobodyIsWatcher},
      {3, Kind::kFcfs, 4, 0, ModelError::kWatchIsNotPassedOn},
      {2, Kind::kPolicy, 2, 1, ModelError::kOneReadyThreadAsksNobody},
      {3, Kind::kFcfs, 1, 0, ModelError::kLooksBeforeItSleeps},
      {3, Kind::kFcfs, 1, 0, ModelError::kSleepsWhateverTheWord},
  };
  for (const Setting& setting : wrong) {
    SCOPED_TRACE(testing::Message() << "error " << static_cast<int>(setting.error));
    EXPECT_FALSE(Model(setting).nothing_is_forgotten());
  }
}

}  // namespace
}  // namespace spindle::thread
