// What `spindle crash` can be asked for, one function each; crash.cc reads the command line.
#pragma once

#include "cli/crash/run.h"
#include "spindle/chart/table.h"
#include "spindle/chart/text_style.h"

namespace spindle::cli {

struct CrashRequest {
  std::string file;
  RecordedRun::Options run;
  std::optional<std::uint64_t> at;           ///< the power fails after this many events
  std::optional<std::uint64_t> transaction;  ///< or at any of the events of this one
  SurvivorChoice survivors;
  std::string output;
  bool force = false;
  double last_seconds = 0;  ///< 0: all
  std::uint64_t samples = 64;
  std::optional<std::uint64_t> exhaustive;  ///< so many states of whole writes a cut are all tried
  std::uint64_t seed = 1;
  unsigned jobs = 1;
  bool json = false;
};

struct CrashRecordRequest {
  std::string image;
  std::string file;
  std::vector<std::string> options;  ///< those of the mount
  std::vector<std::string> command;
  bool force = false;
};

/// Mounts the image, runs the command in the mount, unmounts; gives the command's exit status.
int record_crash_run(const CrashRecordRequest& request, Complaint& complaint);
/// Prints writes, flushes and what programs asked for; with `at`, only what is in flight there.
void list_run(const RecordedRun& run, const CrashRequest& request, Complaint& complaint);
/// Writes the image as a cut leaves it.
void write_cut(const RecordedRun& run, const CrashRequest& request, Complaint& complaint);
/// Tries all states of a span of cuts, and prints what is left in them. False if any is damaged or
/// has lost what was promised.
bool explore_run(const RecordedRun& run, const CrashRequest& request, Complaint& complaint);
/// Tells the replay of the journal on the device, in words.
void tell_steps(BlockDevice& device, const format::Layout& layout, const std::string& name,
                bool json, Complaint& complaint);

/// The whole table for standard output, with its titles again where it is long.
std::string whole_table(const chart::Table& table);

}  // namespace spindle::cli
