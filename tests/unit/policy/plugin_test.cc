// Policies from libraries: which are loaded, which are refused, and that one that misbehaves, in
// whatever way and at whatever moment, is replaced with nothing lost. The library acts as the
// plainest policies do until it is told to misbehave, so that all must go on as if it had not.

#include "spindle/policy/plugin.h"

#include <fcntl.h>
#include <gtest/gtest.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <csignal>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <thread>
#include <vector>

#include "spindle/base/random.h"
#include "spindle/base/temporary_folder.h"
#include "spindle/policy/arm_queue.h"
#include "spindle/policy/policy_library.h"
#include "spindle/policy/run_set.h"

namespace spindle {
namespace {

const std::string kLibrary = SPINDLE_PLUGINS "/misbehaving.so";
constexpr PolicyKind kKinds[] = {PolicyKind::kArm, PolicyKind::kReplacement, PolicyKind::kFit,
                                 PolicyKind::kCpu};

#if defined(__SANITIZE_ADDRESS__)
#define SPINDLE_IS_SANITIZED
#elif defined(__has_feature)
#if __has_feature(address_sanitizer)
#define SPINDLE_IS_SANITIZED
#endif
#endif

// A sanitizer takes the library's faults for the program's, and abandoned memory for leaks.
#if defined(SPINDLE_IS_SANITIZED)
const std::vector<const char*> kFaultsOfTheMachine;
#else
const std::vector<const char*> kFaultsOfTheMachine = {"null", "jump", "divide", "trap", "stack"};
#endif

/// The results of `run`, which must be the same whether or not the library misbehaves.
template <class Body>
void check_faults(PolicyKind kind, std::vector<const char*> faults, const Body& run) {
  faults.insert(faults.end(), kFaultsOfTheMachine.begin(), kFaultsOfTheMachine.end());
  ASSERT_EQ(load_policy(kind, kLibrary).value(), "misbehaving");
  const auto expected = run("plainest");
  EXPECT_EQ(run("misbehaving"), expected);
  for (const char* fault : faults) {
    for (const char* after : {"0", "1", "20"}) {
      SCOPED_TRACE(std::string(fault) + " after " + after);
      ASSERT_TRUE(load_policy(kind, kLibrary).ok());
      ::setenv("FAULT", fault, 1);
      ::setenv("FAULT_AFTER", after, 1);
      EXPECT_EQ(run("misbehaving"), expected);
      EXPECT_EQ(std::ranges::count(policy_names(kind), "misbehaving"), 0) << "it is listed";
      EXPECT_NE(last_policy_fault()->text.find(kLibrary), std::string::npos);
      ::unsetenv("FAULT");
      ::unsetenv("FAULT_AFTER");
    }
  }
}

class Plugin : public testing::Test {
 protected:
  void SetUp() override { folder_ = make_temporary_folder("spindle-plugin").take(); }
  void TearDown() override {
    // Other tests ask for all names there are.
    ::setenv("FAULT", "make", 1);
    static_cast<void>(make_arm_policy("misbehaving"));
    static_cast<void>(make_replacement_policy("misbehaving", 1));
    static_cast<void>(make_fit_policy("misbehaving"));
    static_cast<void>(make_cpu_policy("misbehaving", CpuConventions{}));
    ::unsetenv("FAULT");
    std::filesystem::remove_all(folder_);
  }

  std::string copy(const std::string& of = kLibrary) {
    const std::string path = folder_ + "/copy.so";
    std::filesystem::copy_file(of, path, std::filesystem::copy_options::overwrite_existing);
    return path;
  }

  std::string folder_;
};

TEST_F(Plugin, AnArmPolicyThatMisbehavesLosesNoRequest) {
  const auto run = [](std::string_view name) {
    const auto policy = make_arm_policy(name == "plainest" ? "fcfs" : name).take();
    Random random(7);
    ArmQueue queue;
    ArmState state{.at = Cylinder{50}, .cylinders = 100};
    std::vector<std::size_t> served;
    for (int i = 0; i < 60 || !queue.empty(); ++i) {
      if (i < 60) queue.add(Cylinder{random.below(100)});
      if (random.below(2) == 0 || queue.empty()) continue;
      const ArmChoice choice = policy->choose(queue, state);
      EXPECT_TRUE(choice.by_way_of.empty());  // and removing checks the index
      state.at = queue.cylinder_of(choice.index);
      served.push_back(choice.index);
      queue.remove(choice.index);
    }
    return served;
  };
  std::vector<const char*> faults = {"pick", "turn", "ground", "return",       "ask",
                                     "walk", "loop", "throw",  "throw-number", "make"};
#if !defined(SPINDLE_IS_SANITIZED)
  faults.push_back("turns");  // where arrays are checked, that ends in the library
#endif
  check_faults(PolicyKind::kArm, faults, run);
}

TEST_F(Plugin, AReplacementPolicyThatMisbehavesKeepsWhatIsThere) {
  const auto run = [](std::string_view name) {
    static constexpr std::size_t kFrames = 8;
    const auto policy = make_replacement_policy(name == "plainest" ? "fifo" : name, kFrames).take();
    Random random(7);
    std::vector<std::uint64_t> victims;
    std::vector<std::optional<PageKey>> pages(kFrames);
    // One frame is held at a time, and is never evicted; one in ten references drops a page.
    for (int i = 0; i < 300; ++i) {
      FrameNo held{random.below(kFrames)};
      const PageKey page = random.below(20);
      const auto found = std::ranges::find(pages, std::optional(page));
      if (found != pages.end()) {
        const FrameNo frame{static_cast<std::uint64_t>(found - pages.begin())};
        policy->touched(frame);
        if (random.below(10) != 0) continue;
        policy->erased(frame);
        pages[frame.value].reset();
        continue;
      }
      auto free = std::ranges::find_if(pages, [](const auto& one) { return !one; });
      if (free == pages.end() || random.below(4) == 0) {
        const auto may_go = [](void* context, FrameNo frame) {
          EXPECT_LT(frame.value, kFrames);
          return frame != *static_cast<FrameNo*>(context);
        };
        const auto victim = policy->victim({may_go, &held}, page);
        if (!victim) continue;
        EXPECT_TRUE(*victim != held && pages.at(victim->value));
        // What the policy itself did not choose has no reason.
        const VictimGround ground = policy->reason(*victim).ground;
        EXPECT_TRUE(ground == VictimGround::kLoadedFirst ||
                    (name != "plainest" && ground == VictimGround::kUnsaid));
        const auto value = policy->marks(*victim).value;
        EXPECT_EQ(value, policy->name() == "fifo" ? std::nullopt : std::optional(victim->value));
        EXPECT_FALSE(policy->hand());
        victims.push_back(victim->value);
        policy->erased(*victim);
        pages[victim->value].reset();
        free = pages.begin() + static_cast<std::ptrdiff_t>(victim->value);
      }
      *free = page;
      policy->inserted(FrameNo{static_cast<std::uint64_t>(free - pages.begin())}, page);
    }
    return victims;
  };
  check_faults(PolicyKind::kReplacement,
               {"none", "pick", "empty", "ask", "held", "touch", "reason", "marks", "hand", "throw",
                "throw-number", "make"},
               run);
}

TEST_F(Plugin, AFitPolicyThatMisbehavesGivesAwayNothingTwice) {
  const auto run = [](std::string_view name) {
    const auto policy = make_fit_policy(name == "plainest" ? "first" : name).take();
    Random random(7);
    RunSet free;
    EXPECT_TRUE(free.add({BlockNo{100}, 400}));
    std::vector<std::uint64_t> starts;
    std::vector<spindle::Run> taken;
    for (int i = 0; i < 200; ++i) {
      if (!taken.empty() && random.below(3) == 0) {
        std::swap(taken[random.below(taken.size())], taken.back());
        EXPECT_TRUE(free.add(taken.back()));
        taken.pop_back();
      }
      const auto found = policy->choose(
          free, {.want = 1 + random.below(30), .must_be_whole = random.below(2) == 0});
      if (!found) continue;
      EXPECT_TRUE(free.remove(*found));
      taken.push_back(*found);
      starts.push_back(found->start.value);
    }
    return starts;
  };
  check_faults(PolicyKind::kFit,
               {"none", "pick", "overflow", "long", "loop", "throw", "throw-number", "make"}, run);
}

TEST_F(Plugin, ACpuPolicyThatMisbehavesForgetsNoTask) {
  const auto run = [](std::string_view name) {
    const auto policy =
        make_cpu_policy(name == "plainest" ? "fcfs" : name, CpuConventions{}).take();
    Random random(7);
    std::vector<std::uint64_t> ran;
    VirtualTime now{1};
    for (std::uint64_t task = 0; task < 10; ++task)
      policy->ready(TaskId{task}, {.now = now}, Why::kCreated);
    policy->removed(TaskId{3});
    for (int i = 0; i < 100; ++i) {
      now += VirtualTime{1'000'000};
      const auto rank = policy->rank(TaskId{9}, now);
      EXPECT_EQ(rank.has_value(), policy->name() == "misbehaving");
      const auto task = policy->next(now);
      if (!task) break;
      const auto quantum = policy->quantum(*task);
      EXPECT_TRUE(!quantum || quantum->ns > 0);
      const auto alarm = policy->alarm();
      EXPECT_TRUE(!alarm || *alarm > now);
      EXPECT_FALSE(policy->preempts(*task, {.now = now}));
      ran.push_back(task->value);
      if (random.below(20) == 0)
        policy->finished(*task);
      else
        policy->ready(*task, {.now = now}, Why::kYielded);
    }
    return ran;
  };
  check_faults(PolicyKind::kCpu,
               {"none", "pick", "quantum", "alarm", "rank", "throw", "throw-number", "make"}, run);
}

#if !defined(SPINDLE_IS_SANITIZED)
TEST_F(Plugin, IsAbandonedWhenItGivesNoAnswer) {
  // The second spends nearly all its time in the C library, where it cannot be abandoned.
  for (const char* const fault : {"spin", "print"}) {
    ASSERT_TRUE(load_policy(PolicyKind::kArm, kLibrary).ok());
    const auto policy = make_arm_policy("misbehaving").take();
    const ArmRequest request{.cylinder = Cylinder{1}};
    ::setenv("FAULT", fault, 1);
    EXPECT_EQ(policy->pick({&request, 1}, {}).index, 0u);
    ::unsetenv("FAULT");
    EXPECT_EQ(policy->name(), "fcfs");
    EXPECT_NE(last_policy_fault()->text.find("ran for a second"), std::string::npos);
  }
  // It may have left anything behind in the library, so that another copy is loaded.
  ASSERT_TRUE(load_policy(PolicyKind::kArm, kLibrary).ok());
  EXPECT_EQ(make_arm_policy("misbehaving").take()->name(), "misbehaving");
}

TEST_F(Plugin, IsAbandonedWhenItWaitsForEver) {
  for (const char* const fault : {"sleep", "lock", "input"}) {
    SCOPED_TRACE(fault);
    ASSERT_TRUE(load_policy(PolicyKind::kArm, kLibrary).ok());
    // Also in a thread of its own, which has ended by the time that others are watched.
    std::thread([fault] {
      const auto policy = make_arm_policy("misbehaving").take();
      const ArmRequest request{.cylinder = Cylinder{1}};
      EXPECT_EQ(policy->pick({&request, 1}, {}).index, 0u);
      EXPECT_EQ(policy->name(), "misbehaving");
      ::setenv("FAULT", fault, 1);
      EXPECT_EQ(policy->pick({&request, 1}, {}).index, 0u);
      ::unsetenv("FAULT");
      EXPECT_EQ(policy->name(), "fcfs");
    }).join();
    EXPECT_NE(last_policy_fault()->text.find("waited for a second"), std::string::npos);
  }
}

TEST_F(Plugin, CostsASecondInAllHoweverManyWaitForIt) {
  for (const PolicyKind kind : kKinds) ASSERT_TRUE(load_policy(kind, kLibrary).ok());
  const auto first = make_arm_policy("misbehaving").take();
  const auto second = make_arm_policy("misbehaving").take();
  const auto other = make_cpu_policy("misbehaving", CpuConventions{}).take();
  other->ready(TaskId{1}, {}, Why::kCreated);
  const ArmRequest request{.cylinder = Cylinder{1}};
  ::setenv("FAULT", "spin", 1);
  EXPECT_EQ(first->pick({&request, 1}, {}).index, 0u);
  // A policy that were asked now would be found spinning.
  EXPECT_EQ(second->pick({&request, 1}, {}).index, 0u);
  EXPECT_NE(last_policy_fault()->text.find("may not be used, since its library ran for a second"),
            std::string::npos);
  EXPECT_EQ(other->next(VirtualTime{1}), TaskId{1});
  ::unsetenv("FAULT");
  EXPECT_NE(last_policy_fault()->text.find("CPU policy"), std::string::npos);
  EXPECT_EQ(second->name(), "fcfs");
  EXPECT_EQ(other->name(), "fcfs");
}

TEST_F(Plugin, MayBeSlowForASecondInAll) {
  ASSERT_TRUE(load_policy(PolicyKind::kArm, kLibrary).ok());
  const auto policy = make_arm_policy("misbehaving").take();
  const ArmRequest request{.cylinder = Cylinder{1}};
  ::setenv("FAULT", "slow", 1);
  int answers = 0;
  while (policy->name() == "misbehaving" && answers++ < 20)
    EXPECT_EQ(policy->pick({&request, 1}, {}).index, 0u);
  ::unsetenv("FAULT");
  EXPECT_GT(answers, 1);
  EXPECT_EQ(policy->name(), "fcfs");
  EXPECT_NE(last_policy_fault()->text.find("needed a second for slow answers"), std::string::npos);
}

TEST_F(Plugin, IsReplacedInAThreadThatWantsNoSignals) {
  ASSERT_TRUE(load_policy(PolicyKind::kCpu, kLibrary).ok());
  ::setenv("FAULT", "null", 1);
  std::thread([] {
    sigset_t all;
    sigfillset(&all);
    ASSERT_EQ(::pthread_sigmask(SIG_SETMASK, &all, nullptr), 0);
    const auto policy = make_cpu_policy("misbehaving", CpuConventions{}).take();
    EXPECT_FALSE(policy->next(VirtualTime{1}));
    EXPECT_EQ(policy->name(), "fcfs");
  }).join();
  ::unsetenv("FAULT");
}
#endif

TEST_F(Plugin, IsListedUnderItsNameOnce) {
  for (const PolicyKind kind : kKinds) {
    const std::size_t built_in = policy_names(kind).size();
    ASSERT_TRUE(load_policy(kind, kLibrary).ok());
    ASSERT_TRUE(load_policy(kind, kLibrary).ok());
    EXPECT_EQ(policy_names(kind).size(), built_in + 1);
    EXPECT_EQ(policy_names(kind).back(), "misbehaving");
    EXPECT_EQ(policy_named(kind, "misbehaving").value(), "misbehaving");
    EXPECT_EQ(policy_named(kind, "nonsense").code(), EINVAL);
  }
  EXPECT_EQ(make_arm_policy("misbehaving").take()->name(), "misbehaving");
}

TEST_F(Plugin, IsLoadedAgainWhenItWasBuiltAnew) {
  ASSERT_TRUE(load_policy(PolicyKind::kArm, kLibrary).ok());
  const auto before = make_arm_policy("misbehaving").take();
  const std::size_t names = policy_names(PolicyKind::kArm).size();
  std::filesystem::last_write_time(kLibrary, std::filesystem::file_time_type::clock::now());
  ASSERT_TRUE(load_policy(PolicyKind::kArm, kLibrary).ok());
  EXPECT_EQ(policy_names(PolicyKind::kArm).size(), names);
  const ArmRequest request{.cylinder = Cylinder{1}};
  EXPECT_EQ(before->pick({&request, 1}, {}).index, 0u);  // the old code is still there
}

void expect_refusal(PolicyKind kind, const std::string& path, std::string_view word) {
  const auto loaded = load_policy(kind, path);
  ASSERT_FALSE(loaded.ok()) << word;
  EXPECT_NE(loaded.error().describe().find(word), std::string::npos) << loaded.error().describe();
}

TEST_F(Plugin, IsRefusedWhereItIsNone) {
  const std::string other = SPINDLE_PLUGINS "/other_version.so";
  expect_refusal(PolicyKind::kArm, other, "version 4711");
  expect_refusal(PolicyKind::kCpu, other, "another world");
  expect_refusal(PolicyKind::kReplacement, other, "it has no replacement policy");
  expect_refusal(PolicyKind::kFit, other, "it has no fit policy; SPINDLE_FIT_POLICY");
  expect_refusal(PolicyKind::kArm, folder_, "it is not a file");
  expect_refusal(PolicyKind::kArm, "./nowhere.so", "./nowhere.so: it cannot be found");
  const std::string text = folder_ + "/text.so";
  std::ofstream(text) << "This is no library.\n";
  expect_refusal(PolicyKind::kArm, text, "text.so: ");
  ASSERT_EQ(::mkfifo((folder_ + "/pipe.so").c_str(), 0600), 0);
  expect_refusal(PolicyKind::kArm, folder_ + "/pipe.so", "it is not a file");
  ASSERT_TRUE(load_policy(PolicyKind::kArm, kLibrary).ok());
  expect_refusal(PolicyKind::kArm, copy(), "is the name of the one of " + kLibrary);
  ::setenv("FAULT", "make", 1);
  expect_refusal(PolicyKind::kReplacement, copy(), "threw an exception: std::bad_alloc");
}

TEST_F(Plugin, IsRefusedWhereOthersMayWriteIt) {
  const std::string path = copy();
  ASSERT_EQ(::chmod(path.c_str(), 0757), 0);
  expect_refusal(PolicyKind::kArm, path, "others may write it");
  if (::geteuid() != 0) return;
  ASSERT_EQ(::chmod(path.c_str(), 0755), 0);
  ASSERT_EQ(::chown(path.c_str(), 65534, 65534), 0);
  expect_refusal(PolicyKind::kArm, path, "must belong to root");
}

TEST(PluginInterface, HasTheLayoutOfItsVersion) {
  // If you change these, change plugin::kInterface, too.
  EXPECT_EQ(plugin::kInterface, 3u);
  EXPECT_EQ(sizeof(ArmChoice), 48u);
  EXPECT_EQ(sizeof(ArmState), 32u);
  EXPECT_EQ(sizeof(ArmConventions), 72u);
  EXPECT_EQ(sizeof(ReplacementConventions), 40u);
  EXPECT_EQ(sizeof(VictimReason), 24u);
  EXPECT_EQ(sizeof(FrameMarks), 40u);
  EXPECT_EQ(sizeof(FitRequest), 24u);
  EXPECT_EQ(sizeof(TaskInfo), 48u);
  EXPECT_EQ(sizeof(CpuConventions), 160u);
}

}  // namespace
}  // namespace spindle
