// What memory costs, forms of `spindle memory`: effective access times, sizes of tables, slabs.

#include <fmt/format.h>

#include <algorithm>

#include "cli/face/formula.h"

namespace spindle::cli {
namespace {

Formula access_with_tlb() {
  return {
      .domain = "memory-cost",
      .policy = {"access-tlb", "EAT-TLB", "Effective access time with a TLB"},
      .quantities =
          {{number_parameter("hit_ratio", "access-tlb, access-all: hit ratio of the TLB", "0.8"),
            {0.7, 0.75, 0.8, 0.85, 0.9, 0.95, 0.98}},
           {number_parameter("memory_ns", "access-*, fault-rate: memory access time (ns)", "100"),
            {50, 80, 100, 120, 200}},
           {number_parameter("tlb_ns", "access-tlb, access-all: TLB lookup time (ns)", "20"),
            {1, 5, 10, 20}},
           {number_parameter("levels", "access-tlb, access-all: page table levels", "1"),
            {1, 2, 3, 4}}},
      .results = {{"eat_ns", "effective access time", "ns"}},
      .curve = {"hit_ratio", 0, 1, "hit ratio of the TLB"},
      .question =
          [](const Json& p) {
            return fmt::format(
                "A look into the TLB takes {} ns, an access to memory {} ns, and the page table "
                "has "
                "{} level(s). With a hit ratio of {}, how long does an access take on average?",
                value_text(p, "tlb_ns"), value_text(p, "memory_ns"), value_text(p, "levels"),
                value_text(p, "hit_ratio"));
          },
      .reasons =
          [](const Solved& solved) {
            const Json& p = solved.parameters();
            return std::vector<std::string>{
                fmt::format("A hit: {} ns of TLB + {} ns of memory.", value_text(p, "tlb_ns"),
                            value_text(p, "memory_ns")),
                fmt::format("A miss reads the page table too, {} x {} ns more, and happens to a "
                            "share of 1 - {}.",
                            value_text(p, "levels"), value_text(p, "memory_ns"),
                            value_text(p, "hit_ratio")),
                fmt::format("{} + {} + (1 - {}) x {} x {} = {} ns.", value_text(p, "tlb_ns"),
                            value_text(p, "memory_ns"), value_text(p, "hit_ratio"),
                            value_text(p, "levels"), value_text(p, "memory_ns"),
                            plain(solved.answer["eat_ns"]))};
          }};
}

Formula access_with_faults() {
  return {.domain = "memory-cost",
          .policy = {"access-faults", "EAT-FAULT", "Effective access time with page faults"},
          .quantities = {{number_parameter("fault_rate",
                                           "access-faults, access-all: share of faulting accesses",
                                           "0.001"),
                          {0.0001, 0.0005, 0.001, 0.002, 0.01}},
                         {number_parameter("memory_ns", "", "200"), {50, 100, 200}},
                         {number_parameter("fault_ns",
                                           "access-faults, access-all, fault-rate: fault time (ns)",
                                           "8000000"),
                          {100000, 1000000, 8000000, 20000000}}},
          .results = {{"eat_ns", "effective access time", "ns"}},
          .curve = {"fault_rate", 0, 0.01, "page faults of an access"},
          .question =
              [](const Json& p) {
                return fmt::format(
                    "An access to memory takes {} ns, a page fault {} ns, and a share of {} of the "
                    "accesses fault. How long does an access take on average?",
                    value_text(p, "memory_ns"), value_text(p, "fault_ns"),
                    value_text(p, "fault_rate"));
              },
          .reasons =
              [](const Solved& solved) {
                const Json& p = solved.parameters();
                return std::vector<std::string>{fmt::format(
                    "(1 - {0}) x {1} + {0} x {2} = {3} ns: {4} times as long as without "
                    "faults.",
                    value_text(p, "fault_rate"), value_text(p, "memory_ns"),
                    value_text(p, "fault_ns"), plain(solved.answer["eat_ns"]),
                    shown(as_number(solved.answer["eat_ns"]) /
                          std::max(1e-9, as_number(p["memory_ns"]))))};
              }};
}

std::vector<std::string> reasons_of_all(const Solved& solved) {
  const Json& p = solved.parameters();
  const Json& a = solved.answer;
  const bool of_misses = plain(p.value("faults_of", Json("misses"))) == "misses";
  const std::string share = of_misses ? fmt::format("(1 - {}) x {}", value_text(p, "hit_ratio"),
                                                    value_text(p, "fault_rate"))
                                      : value_text(p, "fault_rate");
  return {fmt::format("Each access: {} ns of TLB + {} ns of memory.", value_text(p, "tlb_ns"),
                      value_text(p, "memory_ns")),
          fmt::format("A miss in the TLB reads the page table too: (1 - {}) x {} x {} = {} ns.",
                      value_text(p, "hit_ratio"), value_text(p, "levels"),
                      value_text(p, "memory_ns"), value_text(a, "walk_ns")),
          fmt::format(
              "A share of {} of {} faults; a fault takes {} ns, and as long again with a share "
              "of {}: {} x {} x (1 + {}) = {} ns.",
              value_text(p, "fault_rate"), of_misses ? "these misses" : "all accesses",
              value_text(p, "fault_ns"), value_text(p, "dirty"), share, value_text(p, "fault_ns"),
              value_text(p, "dirty"), value_text(a, "fault_part_ns")),
          fmt::format("{} + {} + {} + {} = {} ns.", value_text(p, "tlb_ns"),
                      value_text(p, "memory_ns"), value_text(a, "walk_ns"),
                      value_text(a, "fault_part_ns"), value_text(a, "eat_ns"))};
}

Formula access_with_all() {
  return {
      .domain = "memory-cost",
      .policy = {"access-all", "EAT-ALL", "Effective access time with a TLB and page faults"},
      .quantities = {{number_parameter("hit_ratio", "", "0.95"), {0.8, 0.9, 0.95, 0.98}},
                     {number_parameter("memory_ns", "", "100"), {50, 80, 100, 120, 200}},
                     {number_parameter("tlb_ns", "", "20"), {1, 5, 10, 20}},
                     {number_parameter("levels", "", "1"), {1, 2, 3, 4}},
                     {number_parameter("fault_rate", "", "0.1"), {0.01, 0.05, 0.1}},
                     {number_parameter("fault_ns", "", "5000"), {5000, 100000, 8000000}},
                     {number_parameter(
                          "dirty", "access-all: share of the faults that write a page back first",
                          "0"),
                      {0, 0.2, 0.5}},
                     {{"faults_of",
                       FaceParameter::Kind::kChoice,
                       "access-all: of what the fault rate is a share",
                       "misses",
                       {"misses", "accesses"}}}},
      .results = {{"eat_ns", "effective access time", "ns"},
                  {"walk_ns", "of it page table", "ns"},
                  {"fault_part_ns", "of it page faults", "ns"}},
      .curve = {"fault_rate", 0, 0.2, "fault rate"},
      .question =
          [](const Json& p) {
            return fmt::format(
                "A look into the TLB takes {} ns and hits with a share of {}; an access to memory "
                "takes "
                "{} ns, and the page table has {} level(s). Of the {} a share of {} faults. A "
                "fault "
                "takes {} ns; a share of {} of them writes a page back before, which takes as long "
                "again. How long does an access take on average?",
                value_text(p, "tlb_ns"), value_text(p, "hit_ratio"), value_text(p, "memory_ns"),
                value_text(p, "levels"),
                plain(p.value("faults_of", Json("misses"))) == "misses" ? "misses in the TLB"
                                                                        : "accesses",
                value_text(p, "fault_rate"), value_text(p, "fault_ns"), value_text(p, "dirty"));
          },
      .reasons = reasons_of_all};
}

Formula highest_fault_rate() {
  return {
      .domain = "memory-cost",
      .policy = {"fault-rate", "MAX-FAULT-RATE", "Highest acceptable fault rate"},
      .quantities = {{number_parameter("memory_ns", "", "200"), {50, 100, 200}},
                     {number_parameter("fault_ns", "", "8000000"),
                      {100000, 1000000, 8000000, 20000000}},
                     {number_parameter("slowdown",
                                       "fault-rate: the allowed slowdown, as a fraction", "0.1"),
                      {0.01, 0.05, 0.1, 0.2, 0.5}}},
      .results = {{"max_fault_rate", "highest rate of page faults", "of the accesses"}},
      .curve = {"slowdown", 0, 1, "slower by (share)"},
      .question =
          [](const Json& p) {
            return fmt::format(
                "An access to memory takes {} ns, a page fault {} ns. What share of the "
                "accesses may fault if the mean access is to be slower by a share of no more than "
                "{}?",
                value_text(p, "memory_ns"), value_text(p, "fault_ns"), value_text(p, "slowdown"));
          },
      .reasons =
          [](const Solved& solved) {
            const Json& p = solved.parameters();
            return std::vector<std::string>{fmt::format(
                "Each fault costs {0} - {1} ns more; {1} x {2} ns may be lost on an access; "
                "{1} x {2} "
                "/ ({0} - {1}) = {3}, one access in {4}.",
                value_text(p, "fault_ns"), value_text(p, "memory_ns"), value_text(p, "slowdown"),
                value_text(solved.answer["max_fault_rate"]),
                shown(1 / std::max(1e-15, as_number(solved.answer["max_fault_rate"]))))};
          }};
}

Formula pages_for() {
  return {
      .domain = "memory-cost",
      .policy = {"pages", "PAGES-FOR", "Pages of a process"},
      .quantities = {{number_parameter("bytes", "pages: size of the process", "72766"),
                      {10000, 50000, 72766, 100000, 123456}},
                     {number_parameter(
                          "page_size",
                          "pages, table-size, table-levels, traces of addresses: page size",
                          "4096"),
                      {1024, 2048, 4096, 8192}}},
      .results = {{"pages", "pages", ""},
                  {"internal_fragmentation", "unused in the last one", "bytes"}},
      .curve = {"bytes", 0, 100'000, "length of the process (bytes)"},
      .question =
          [](const Json& p) {
            return fmt::format(
                "How many pages of {} bytes does a process of {} bytes need, and how many bytes of "
                "the last one are unused?",
                value_text(p, "page_size"), value_text(p, "bytes"));
          },
      .reasons =
          [](const Solved& solved) {
            const Json& p = solved.parameters();
            return std::vector<std::string>{fmt::format(
                "{0} / {1}, rounded up: {2}; {2} x {1} - {0} = {3} bytes are left over.",
                value_text(p, "bytes"), value_text(p, "page_size"), plain(solved.answer["pages"]),
                plain(solved.answer["internal_fragmentation"]))};
          }};
}

Formula table_size() {
  return {
      .domain = "memory-cost",
      .policy = {"table-size", "TABLE-SIZE", "Size of a page table"},
      .quantities =
          {{number_parameter("address_bits", "table-size, table-levels: bits of an address", "32"),
            {16, 24, 32, 48}},
           {number_parameter("page_size", "", "4096"), {1024, 4096, 8192, 65536}},
           {number_parameter("entry_bytes", "table-size, table-levels: size of an entry", "4"),
            {4, 8}}},
      .results = {{"bytes", "page table", "bytes"}, {"entries", "entries", ""}},
      .curve = {"page_size", 512, 65536, "bytes of a page", true},
      .question =
          [](const Json& p) {
            return fmt::format(
                "Addresses have {} bits, a page {} bytes, an entry of the page table {} bytes. How "
                "large is a table of one level?",
                value_text(p, "address_bits"), value_text(p, "page_size"),
                value_text(p, "entry_bytes"));
          },
      .reasons =
          [](const Solved& solved) {
            const Json& p = solved.parameters();
            return std::vector<std::string>{
                fmt::format("2^{} bytes / {} = {} pages, each with an entry of {} bytes: {} bytes.",
                            value_text(p, "address_bits"), value_text(p, "page_size"),
                            plain(solved.answer["entries"]), value_text(p, "entry_bytes"),
                            plain(solved.answer["bytes"]))};
          }};
}

Formula table_levels() {
  return {
      .domain = "memory-cost",
      .policy = {"table-levels", "TABLE-LEVELS", "Levels of a page table"},
      .quantities = {{number_parameter("address_bits", "", "48"), {32, 39, 48, 57, 64}},
                     {number_parameter("page_size", "", "4096"), {1024, 4096, 8192, 65536}},
                     {number_parameter("entry_bytes", "", "8"), {4, 8}}},
      .results = {{"levels", "levels", ""},
                  {"offset_bits", "bits of the offset", ""},
                  {"index_bits", "bits of an index", ""},
                  {"top_bits", "of that of the top level", ""},
                  {"reach_of_a_table", "a lowest table is for", "bytes"}},
      .curve = {"address_bits", 13, 64, "bits of an address"},
      .question =
          [](const Json& p) {
            return fmt::format(
                "Addresses have {} bits, a page {} bytes, an entry of a page table {} bytes, and "
                "each "
                "table takes a page. How many levels are there, and which bits of an address are "
                "for "
                "what?",
                value_text(p, "address_bits"), value_text(p, "page_size"),
                value_text(p, "entry_bytes"));
          },
      .reasons =
          [](const Solved& solved) {
            const Json& p = solved.parameters();
            const Json& a = solved.answer;
            const double pages = as_number(p["address_bits"]) - as_number(a["offset_bits"]);
            return std::vector<std::string>{
                fmt::format(
                    "A page of {} = 2^{} bytes: {} bits of offset, {} - {} = {} for the page.",
                    value_text(p, "page_size"), value_text(a, "offset_bits"),
                    value_text(a, "offset_bits"), value_text(p, "address_bits"),
                    value_text(a, "offset_bits"), plain(pages)),
                fmt::format("A table of a page has {} / {} = 2^{} entries: {} bits for each index.",
                            value_text(p, "page_size"), value_text(p, "entry_bytes"),
                            value_text(a, "index_bits"), value_text(a, "index_bits")),
                fmt::format("{} / {}, rounded up: {} levels; {} bits are left for the top one.",
                            plain(pages), value_text(a, "index_bits"), value_text(a, "levels"),
                            value_text(a, "top_bits"))};
          }};
}

Formula slab() {
  return {
      .domain = "memory-cost",
      .policy = {"slab", "SLAB", "Objects in slabs"},
      .quantities = {{number_parameter("slab_bytes", "slab: bytes of a slab", "4096"),
                      {4096, 8192, 16384}},
                     {number_parameter("object_bytes", "slab: bytes of an object", "300"),
                      {48, 100, 192, 300, 700}},
                     {number_parameter("objects", "slab: how many", "100"), {20, 50, 100, 250}}},
      .results = {{"slabs", "slabs", ""},
                  {"objects_per_slab", "objects in a slab", ""},
                  {"free_objects", "places left free", ""},
                  {"internal_fragmentation", "bytes that no object fits into", "bytes"}},
      .curve = {"objects", 0, 200, "objects"},
      .question =
          [](const Json& p) {
            return fmt::format(
                "A cache keeps {} objects of {} bytes in slabs of {} bytes. How many slabs are "
                "there, how many places are free, and how many bytes are lost?",
                value_text(p, "objects"), value_text(p, "object_bytes"),
                value_text(p, "slab_bytes"));
          },
      .reasons =
          [](const Solved& solved) {
            const Json& p = solved.parameters();
            const Json& a = solved.answer;
            return std::vector<std::string>{
                fmt::format("{} / {}, rounded down: {} objects fit into a slab.",
                            value_text(p, "slab_bytes"), value_text(p, "object_bytes"),
                            plain(a["objects_per_slab"])),
                fmt::format("{} / {}, rounded up: {} slabs; {} places stay free.",
                            value_text(p, "objects"), plain(a["objects_per_slab"]),
                            plain(a["slabs"]), plain(a["free_objects"]))};
          }};
}

}  // namespace

const std::vector<const Form*>& memory_cost_forms() {
  static const FormulaForm kForms[] = {
      FormulaForm(access_with_tlb()), FormulaForm(access_with_faults()),
      FormulaForm(access_with_all()), FormulaForm(highest_fault_rate()),
      FormulaForm(pages_for()),       FormulaForm(table_size()),
      FormulaForm(table_levels()),    FormulaForm(slab())};
  static const std::vector<const Form*> kList = forms_of(kForms);
  return kList;
}

}  // namespace spindle::cli
