// The names of the algorithms, by domain, and their other spellings.

#include <algorithm>

#include "domains.h"
#include "spindle/base/take_until.h"
#include "spindle/policy/policy_library.h"
#include "spindle/solve/solve.h"

namespace spindle {
namespace {

/// Each entry is the solver's name and, after bars, its other names; spaces separate entries.
struct Algorithms {
  std::string_view domain;
  std::string_view names;
  std::string_view others = {};
};
/// The policies that know only the references that came so far.
constexpr std::string_view kPagePolicies =
    "FIFO LRU MRU LFU MFU CLOCK SECOND-CHANCE|SC "
    "ENHANCED-CLOCK|ENHANCED-SECOND-CHANCE|ESC NRU AGING|AGEING WSCLOCK 2Q|TWO-QUEUE ARC SIEVE "
    "S3-FIFO RANDOM|RAND";
constexpr std::string_view kArmPolicies =
    "FCFS|FIFO SSTF|SSF|SHORTEST-SEEK-FIRST SCAN|ELEVATOR C-SCAN|CIRCULAR-SCAN LOOK "
    "C-LOOK|CIRCULAR-LOOK FSCAN N-STEP-SCAN|NSCAN V(R)|VR|VSCAN(R)|VSCAN";
constexpr std::string_view kPositioning = "SPTF SATF BSATF ASATF|ASPTF DEADLINE";
constexpr Algorithms kAlgorithms[] = {
    {"page-replacement", kPagePolicies, "OPT|OPTIMAL|MIN|BELADY WORKING-SET|WS PFF LRU-CURVE"},
    {"page-state", "NRU FIFO LRU SECOND-CHANCE|SC"},
    {"page-aging", "AGING|AGEING"},
    {"multiprogramming", kPagePolicies},
    {"thrashing", kPagePolicies},
    {"disk", kArmPolicies, kPositioning},
    {"disk-online", kArmPolicies, kPositioning},
    {"disk-rotating", kArmPolicies, "SATF|SPTF BSATF ASATF|ASPTF DEADLINE"},
    {"cpu",
     "FCFS|FIFO|FIRST-COME-FIRST-SERVED SJF|SPN|SJN|SHORTEST-JOB-FIRST|SHORTEST-PROCESS-NEXT "
     "SRTF|SRT|SRTN|STCF|PSJF|SHORTEST-REMAINING-TIME-FIRST LJF|LONGEST-JOB-FIRST "
     "LRTF|LONGEST-REMAINING-TIME-FIRST RR|ROUND-ROBIN VRR|VIRTUAL-ROUND-ROBIN "
     "PRIORITY|PRIORITY-NP|NON-PREEMPTIVE-PRIORITY "
     "PRIORITY-P|PRIORITY-PREEMPTIVE|PREEMPTIVE-PRIORITY PRIORITY-AGING|PRIORITY-AGEING "
     "PRIORITY-RR|PRIORITY-ROUND-ROBIN HRRN|HRN|HIGHEST-RESPONSE-RATIO-NEXT",
     "MLQ|MULTI-LEVEL-QUEUE FEEDBACK|FB MLFQ|MULTI-LEVEL-FEEDBACK-QUEUE LOTTERY STRIDE CFS EEVDF "
     "FAIR-SHARE|FSS"},
    {"cpu-cost", "AMDAHL IO-WAIT"},
    {"burst-estimate", "EXPONENTIAL|EXPONENTIAL-AVERAGE|EXPONENTIAL-AVERAGING"},
    {"deadlock", "BANKER|BANKERS|SAFETY DETECTION VICTIM WAIT-FOR-CYCLE|WAIT-FOR|CYCLE"},
    {"translation",
     "BASE-LIMIT|BASE-AND-LIMIT PAGE-OFFSET PAGE-TABLE|PAGING SEGMENTS|SEGMENTATION SPLIT-BITS "
     "TWO-SEGMENTS TWO-LEVEL MULTI-LEVEL INVERTED|INVERTED-PAGE-TABLE"},
    {"tlb", "LRU FIFO RANDOM|RAND"},
    {"memory-cost",
     "EAT-TLB EAT-FAULT EAT-ALL MAX-FAULT-RATE PAGES-FOR TABLE-SIZE TABLE-LEVELS "
     "SLAB"},
    {"disk-time", "CHS-TO-LBA LBA-TO-CHS RANDOM-IO TRACK-READ SEEK CAPACITY"},
    {"allocation", "FIRST-FIT|FF BEST-FIT|BF WORST-FIT|WF NEXT-FIT|NF COMPACTION"},
    {"buddy", "BUDDY|BUDDY-SYSTEM"},
    {"heap", "FIRST-FIT|FIRST|FF BEST-FIT|BEST|BF WORST-FIT|WORST|WF"},
    {"realtime",
     "RM|RMS|RATE-MONOTONIC DM|DMS|DEADLINE-MONOTONIC EDF|EARLIEST-DEADLINE-FIRST "
     "LLF|LST|LEAST-LAXITY-FIRST FIXED|FIXED-PRIORITY RESPONSE-TIME|RTA RM-BOUND|LIU-LAYLAND"},
    {"cron", "VIXIE|CRON"},
    {"sync", "SEMAPHORE BOUNDED-BUFFER|PRODUCER-CONSUMER READERS-FIRST WRITERS-FIRST FAIR"},
    {"fork-count", "COUNT|FORK-COUNT"},
    {"process-tree", "REPARENT"},
    {"process-states",
     "SWITCH_ON_IO,IO_RUN_LATER SWITCH_ON_IO,IO_RUN_IMMEDIATE SWITCH_ON_END,IO_RUN_LATER "
     "SWITCH_ON_END,IO_RUN_IMMEDIATE"},
    {"signals", "LINUX"},
    {"mlfq", "MLFQ|MULTI-LEVEL-FEEDBACK-QUEUE"},
    {"proportional-share", "LOTTERY STRIDE CFS-SLICE|CFS"},
    {"inode", "ACCESS STORAGE"},
    {"file-blocks", "CONTIGUOUS LINKED|LINKED-LIST FAT INDEXED|INDEX"},
    {"free-space", "BITMAP|BIT-VECTOR COUNTING LINKED-LIST|FREE-LIST GROUPING"},
    {"file-cost", "SPACE-SIZE FIRST-FREE FAT"},
    {"raid", "RAID-0|STRIPING RAID-1|MIRRORING|RAID-10|RAID-1+0 RAID-4 RAID-5 RAID-6 PARITY|XOR"},
    {"path-lookup", "OPEN"},
    {"fat-chain", "CHAINS"},
    {"raid-cost", "RATES LIFE|MTTDL"},
};

/// What remains of a name where only letters, digits and signs count: "Round Robin" is ROUNDROBIN.
std::string skeleton(std::string_view name) {
  std::string letters;
  for (char c : name) {
    if (c == '-' || c == '_' || c == ' ' || c == '\'') continue;
    letters += static_cast<char>(c >= 'a' && c <= 'z' ? c - 'a' + 'A' : c);
  }
  return letters;
}

const Algorithms* algorithms_of(std::string_view domain) {
  std::string wanted = skeleton(domain);
  if (wanted == "CPUIO") wanted = "CPU";
  const auto* found = std::ranges::find_if(
      kAlgorithms, [&](const Algorithms& entry) { return skeleton(entry.domain) == wanted; });
  return found == std::end(kAlgorithms) ? nullptr : found;
}

/// Calls `visit` with the spellings of each algorithm, until it answers true.
void each_algorithm(const Algorithms& algorithms, auto&& visit) {
  for (std::string_view rest : {algorithms.names, algorithms.others})
    while (!rest.empty())
      if (visit(take_until(rest, ' '))) return;
}

}  // namespace

std::vector<std::string> algorithm_names(std::string_view domain) {
  std::vector<std::string> names;
  if (const Algorithms* const algorithms = algorithms_of(domain))
    each_algorithm(*algorithms, [&names](std::string_view spellings) {
      names.emplace_back(take_until(spellings, '|'));
      return false;
    });
  return names;
}

std::string algorithm_named(std::string_view domain, std::string_view name) {
  const Algorithms* const algorithms = algorithms_of(domain);
  if (algorithms == nullptr || is_policy_library(name)) return std::string(name);
  const std::string wanted = skeleton(name);
  std::string found;
  each_algorithm(*algorithms, [&](std::string_view spellings) {
    const std::string_view own = spellings.substr(0, spellings.find('|'));
    while (found.empty() && !spellings.empty())
      if (skeleton(take_until(spellings, '|')) == wanted) found = own;
    return !found.empty();
  });
  return found;
}

std::string domain_named(std::string_view name) {
  if (skeleton(name) == "CPUIO") return "cpu-io";
  const Algorithms* const algorithms = algorithms_of(name);
  return algorithms == nullptr ? std::string() : std::string(algorithms->domain);
}

}  // namespace spindle
