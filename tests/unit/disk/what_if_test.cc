// The what-if shadows and the trace of the arm, on a live disk.
#include "spindle/disk/what_if.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <map>
#include <vector>

#include "disk_fixture.h"
#include "spindle/base/random.h"
#include "spindle/device/memory_device.h"
#include "spindle/disk/arm_history.h"
#include "spindle/disk/arm_trace.h"
#include "spindle/disk/simulated_disk.h"
#include "spindle/thread/runtime.h"
#include "spindle/thread/thread.h"

namespace spindle {
namespace {

constexpr std::uint64_t kBlocks = 20'000;

const ArmWhatIf::Row& row_in_use(const ArmWhatIf& what_if) {
  return *std::ranges::find(what_if.rows(), true, &ArmWhatIf::Row::in_use);
}

void expect_like_the_disk(const ArmWhatIf::Row& row, const DiskStatistics& counted) {
  EXPECT_EQ(row.services, counted.services);
  EXPECT_EQ(row.requests, counted.responses.count());
  EXPECT_EQ(row.arm_distance, counted.arm_distance);
  EXPECT_EQ(row.arm_moves, counted.arm_moves);
  EXPECT_EQ(row.seek_ns, counted.seek_ns);
  EXPECT_EQ(row.rotation_ns, counted.rotation_ns);
  EXPECT_EQ(row.transfer_ns, counted.transfer_ns);
  EXPECT_EQ(row.response_sum_ns, counted.responses.sum_ns());
  EXPECT_EQ(row.longest_response_ns, counted.responses.longest_ns());
}

void expect_alike(const ArmWhatIf::Row& a, const ArmWhatIf::Row& b) {
  EXPECT_EQ(a.policy, b.policy);
  EXPECT_EQ(a.requests, b.requests);
  EXPECT_EQ(a.arm_distance, b.arm_distance);
  EXPECT_EQ(a.busy_ns(), b.busy_ns());
  EXPECT_EQ(a.response_sum_ns, b.response_sum_ns);
  EXPECT_EQ(a.longest_response_ns, b.longest_response_ns);
}

/// Sixteen clients, each with batches of its own; `each_time` is called between requests.
void run_clients(
    SimulatedDisk& disk, std::uint64_t seed,
    const std::function<void(Random&)>& each_time = [](Random&) {}) {
  thread::Runtime::create()
      .take()
      ->run([&] {
        for (std::uint64_t t = 0; t < 16; ++t) {
          thread::spawn_detached("client", [&, t] {
            Random random(seed * 100 + t);
            std::vector<std::byte> bytes(kBlockSize * 4);
            const std::span<std::byte> buffer(bytes);
            for (int i = 0; i < 100; ++i) {
              std::vector<IoRequest> batch;
              std::uint64_t at = random.below(kBlocks / 2);
              for (std::uint64_t n = 1 + random.below(4); n != 0; --n) {
                batch.push_back({IoRequest::Kind::kRead, BlockNo{at}, {&buffer, 1}});
                at += random.one_in(2) ? 4 : 4 + random.below(2000);
              }
              ASSERT_TRUE(disk.submit(batch).ok());
              each_time(random);
            }
          }).take();
        }
      })
      .take();
}

TEST(ArmWhatIf, TheShadowOfThePolicyInUseDoesWhatTheDiskDoes) {
  for (const std::string_view preset : disk_preset_names()) {
    for (const std::string_view arm : arm_policy_names()) {
      SCOPED_TRACE(std::string(preset) + " " + std::string(arm));
      MemoryDevice memory(kBlockSize, kBlocks);
      auto disk = SimulatedDisk::create(memory, {.arm_policy = arm, .disk = preset}).take();
      ArmWhatIf what_if;
      disk->add_observer(what_if);
      run_clients(*disk, 1);
      disk->remove_observer(what_if);
      ASSERT_EQ(what_if.rows().size(), arm_policy_names().size());
      EXPECT_EQ(row_in_use(what_if).policy, arm);
      if (preset == "none") {
        EXPECT_EQ(what_if.live().requests, 0u);
        continue;
      }
      EXPECT_GT(what_if.live().requests, what_if.live().services);
      expect_like_the_disk(what_if.live(), disk->statistics());
      expect_like_the_disk(row_in_use(what_if), disk->statistics());
    }
  }
}

TEST(ArmWhatIf, TheShadowsAgreeThroughEveryChangeOfTheDisk) {
  for (std::uint64_t seed = 0; seed < 5; ++seed) {
    SCOPED_TRACE(seed);
    MemoryDevice memory(kBlockSize, kBlocks);
    auto disk = SimulatedDisk::create(memory, {.disk = "textbook"}).take();
    ArmWhatIf what_if;
    run_clients(*disk, seed, [&](Random& random) {
      if (what_if.rows().empty() && random.one_in(20)) disk->add_observer(what_if);
      if (random.one_in(40))
        disk->set_arm_policy(arm_policy_names()[random.below(arm_policy_names().size())]).take();
      if (random.one_in(100))
        disk->set_disk(disk_preset_names()[random.below(disk_preset_names().size())]).take();
      if (random.one_in(200)) {
        disk->reset_statistics();
        if (!what_if.rows().empty()) expect_like_the_disk(what_if.live(), disk->statistics());
      }
      if (!what_if.rows().empty()) expect_alike(row_in_use(what_if), what_if.live());
    });
    EXPECT_FALSE(what_if.rows().empty());
  }
}

TEST(ArmWhatIf, ShowsTheTextbookTotalsOfAllPoliciesFromOneRun) {
  MemoryDevice memory(kBlockSize, 2000);
  auto disk = SimulatedDisk::create(memory, {.arm_policy = "fcfs", .disk = "textbook"}).take();
  ArmWhatIf what_if;
  disk->add_observer(what_if);
  disk->place_arm(Cylinder{53}, ArmDirection::kUp).take();
  thread::Runtime::create()
      .take()
      ->run([&] {
        for (const std::uint64_t cylinder : {98, 183, 37, 122, 14, 124, 65, 67}) {
          thread::spawn_detached("reader", [&, cylinder] {
            std::vector<std::byte> block(kBlockSize);
            ASSERT_TRUE(disk->read(BlockNo{cylinder * 10}, block).ok());
          }).take();
        }
      })
      .take();
  std::map<std::string_view, std::uint64_t> distance;
  for (const auto& row : what_if.rows()) distance[row.policy] = row.arm_distance;
  EXPECT_EQ(distance["fcfs"], 640u);
  EXPECT_EQ(distance["sstf"], 236u);
  EXPECT_EQ(distance["scan"], 331u);
  EXPECT_EQ(distance["c-scan"], 382u);
  EXPECT_EQ(distance["look"], 299u);
  EXPECT_EQ(distance["c-look"], 322u);
}

TEST(ArmTrace, KeepsTheLastServicesWholeAndInOrder) {
  MemoryDevice memory(kBlockSize, kBlocks);
  auto disk = SimulatedDisk::create(memory, {.arm_policy = "scan", .disk = "textbook"}).take();
  ArmTrace all(10'000);
  ArmTrace few(7);
  disk->add_observer(all);
  disk->add_observer(few);
  run_clients(*disk, 3);
  ASSERT_EQ(all.recorded(), disk->statistics().services);
  ASSERT_EQ(all.size(), all.recorded());
  Cylinder at{0};
  VirtualTime now;
  std::uint64_t distance = 0;
  std::uint64_t number = 0;
  all.for_each([&](const ArmTrace::Entry& entry) {
    ASSERT_EQ(entry.number, ++number);
    ASSERT_EQ(entry.policy, "scan");
    ASSERT_EQ(entry.service.from, at);
    ASSERT_EQ(entry.service.begin, now);
    at = entry.service.end;
    now = entry.service.finish();
    distance += entry.service.distance;
  });
  EXPECT_EQ(distance, disk->statistics().arm_distance);
  EXPECT_EQ(now, disk->drive().now());
  ASSERT_EQ(few.size(), 7u);
  for (std::size_t i = 0; i < 7; ++i)
    EXPECT_EQ(few.at(i).number, all.at(all.size() - 7 + i).number);
  few.clear();
  EXPECT_EQ(few.size(), 0u);
}

TEST(ArmHistory, HasAllServicesAndTheShadowInUseTheLastStops) {
  MemoryDevice memory(kBlockSize, kBlocks);
  auto disk = SimulatedDisk::create(memory, {.arm_policy = "c-scan", .disk = "textbook"}).take();
  ArmTrace all(10'000);
  ArmHistory history;
  ArmWhatIf what_if;
  for (DiskObserver* observer : std::initializer_list<DiskObserver*>{&all, &history, &what_if})
    disk->add_observer(*observer);
  run_clients(*disk, 4);
  const DiskStatistics& counted = disk->statistics();
  ASSERT_GT(counted.services, 1024u);
  EXPECT_LE(history.stretches().size(), 512u);
  std::uint64_t services = 0, distance = 0;
  for (const ArmHistory::Stretch& stretch : history.stretches()) {
    const ArmTrace::Entry& first = all.at(services);
    EXPECT_EQ(stretch.begin, first.service.begin);
    std::uint64_t lowest = first.service.from.value, highest = lowest;
    for (std::uint64_t i = services; i < services + stretch.services; ++i) {
      const Service& service = all.at(i).service;
      lowest = std::min({lowest, service.to.value, service.end.value});
      highest = std::max({highest, service.to.value, service.end.value});
      for (const Cylinder turn : service.by_way_of) {
        lowest = std::min(lowest, turn.value);
        highest = std::max(highest, turn.value);
      }
      EXPECT_LE(service.finish(), stretch.finish);
    }
    EXPECT_EQ(stretch.lowest.value, lowest);
    EXPECT_EQ(stretch.highest.value, highest);
    services += stretch.services;
    distance += stretch.distance;
  }
  EXPECT_EQ(services, counted.services);
  EXPECT_EQ(distance, counted.arm_distance);
  std::uint64_t counted_distances = 0;
  for (std::size_t i = 0; i < DecadeHistogram::kCounters; ++i)
    counted_distances += counted.distances.counter(i);
  EXPECT_EQ(counted_distances, counted.services);

  const auto row = static_cast<std::size_t>(&row_in_use(what_if) - what_if.rows().data());
  const std::vector<ArmWhatIf::Stop> stops = what_if.stops(row);
  ASSERT_EQ(stops.size(), ArmWhatIf::kKeptStops);
  for (std::size_t i = 0; i < stops.size(); ++i) {
    const ArmTrace::Entry& entry = all.at(all.size() - stops.size() + i);
    ASSERT_EQ(stops[i].number, entry.number);
    ASSERT_EQ(stops[i].from, entry.service.from);
    ASSERT_EQ(stops[i].to, entry.service.to);
    ASSERT_EQ(stops[i].end, entry.service.end);
    ASSERT_EQ(stops[i].begin, entry.service.begin);
    ASSERT_EQ(stops[i].total_ns, entry.service.total_ns());
  }
  disk->reset_statistics();
  EXPECT_TRUE(history.stretches().empty() && what_if.stops(row).empty());
}

}  // namespace
}  // namespace spindle
