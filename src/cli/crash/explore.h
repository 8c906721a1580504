// Exploring a recording: every state that a power cut may leave of a span of cuts is mounted and
// checked in memory, and compared with what programs were promised.
//
// Of the writes in flight at a cut each subset is a state, up to `most_whole` of them; where there
// are more, `samples` subsets are drawn. A state that an earlier cut has already is not tried
// again. Writes that are torn at sectors, or of which only some blocks arrived, are always drawn.
// The seed decides; the same seed gives the same states, and the same report with any number of
// jobs.
#pragma once

#include "cli/crash/run.h"

namespace spindle::cli {

struct ExplorePlan {
  std::size_t first_cut = 0;
  std::size_t last_cut = 0;
  std::uint64_t samples = 64;
  std::uint64_t most_whole = 256;
  std::uint64_t seed = 1;
  unsigned jobs = 1;
};

struct ExploredCut {
  std::size_t cut = 0;
  std::size_t in_flight = 0;
  std::size_t undecided = 0;  ///< writes that may have arrived or not: 2^undecided subsets
  std::uint64_t states = 0;
  std::uint64_t torn = 0;                ///< states with torn or reordered writes
  bool has_all = true;                   ///< all subsets of whole writes were tried
  std::set<std::uint64_t> durable = {};  ///< transactions that may be the last to survive
  std::uint64_t damaged = 0;  ///< states that do not mount, or in which a check finds damage
  std::uint64_t broken = 0;   ///< states in which a promise is broken
};

struct ExploredFile {
  std::string path;
  std::optional<ContentDigest> in_the_end = {};  ///< its content after the run; nothing: it is gone
  std::uint64_t absent = 0;                      ///< states in which it is not there
  std::uint64_t as_in_the_end = 0;
  std::uint64_t other = 0;
  std::uint64_t promised = 0;  ///< states in which something was promised of the file ...
  std::uint64_t kept = 0;      ///< ... and the promise is kept
};

struct Exploration {
  std::vector<ExploredCut> cuts;
  std::vector<ExploredFile> files;
  std::size_t more_files = 0;         ///< files that were touched and are not compared
  std::vector<std::string> troubles;  ///< the first ones, in words
  std::uint64_t states = 0;
  std::uint64_t damaged = 0;
  std::uint64_t broken = 0;
};

/// Shows a bar of progress.
Exploration explore(const RecordedRun& run, const ExplorePlan& plan, Complaint& complaint);

/// What was promised of each path, and between which cuts that holds.
struct Promise {
  std::string path;
  ContentDigest content;
  std::size_t from = 0;  ///< cuts [from, until]
  std::size_t until = 0;
};
std::vector<Promise> promises_of(const RecordedRun& run);

}  // namespace spindle::cli
