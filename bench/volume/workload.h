// What bench_volume does to a directory, and how much of it. An operation prepares nothing and
// cleans nothing away: rows are made of several, and compare.py says in which order.
//
// Files of data are DIRECTORY/data-JOB, one per job. Small files are DIRECTORY/d000/f00000, spread
// over `directories` folders; job j of n does every n-th of them.
#pragma once

#include <cstdint>
#include <functional>
#include <string>

#include "spindle/base/result.h"

namespace spindle::bench {

enum class Sync { kNever, kAtEnd, kEach };

struct Workload {
  std::string directory;
  std::uint32_t jobs = 1;
  std::uint64_t seed = 1;

  std::uint64_t file_size = 64 << 20;      ///< of each job's file of data
  std::uint64_t request_size = 128 << 10;  ///< bytes of one read or write
  std::uint64_t requests = 1000;           ///< of each job, where they are at random
  bool random = false;
  bool direct = false;  ///< O_DIRECT
  Sync sync = Sync::kNever;

  std::uint64_t files = 20000;
  std::uint64_t directories = 20;
  std::uint64_t sample = 0;         ///< how many files, at random, instead of all in order; 0: all
  std::uint64_t small_size = 1024;  ///< bytes of a small file
};

struct Amount {
  std::uint64_t operations = 0;
  std::uint64_t bytes = 0;
};

struct Outcome {
  Amount amount;
  double seconds = 0;
};

/// Runs `work` once for each job, each on a thread of its own; the time is from when all may start
/// until the last has ended.
Result<Outcome> run_jobs(std::uint32_t jobs,
                         const std::function<Result<Amount>(std::uint32_t job)>& work);

Result<Outcome> write_data(const Workload& workload);
Result<Outcome> read_data(const Workload& workload);

/// Makes the folders, untimed, then the files.
Result<Outcome> create_files(const Workload& workload);
Result<Outcome> stat_files(const Workload& workload);
/// Lists each folder, without asking for attributes.
Result<Outcome> list_directories(const Workload& workload);
/// Lists each folder, and asks for the attributes of each entry, as `ls -l` does.
Result<Outcome> list_attributes(const Workload& workload);
Result<Outcome> read_files(const Workload& workload);
/// Gives each file a second name: f00000 gets l00000.
Result<Outcome> link_files(const Workload& workload);
/// Takes that second name away again.
Result<Outcome> unlink_links(const Workload& workload);
/// Renames each file to r00000 in the next folder, and back: two operations.
Result<Outcome> rename_files(const Workload& workload);
/// Removes f00000.
Result<Outcome> remove_files(const Workload& workload);

}  // namespace spindle::bench
