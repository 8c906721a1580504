// Formulas: what an access costs on average, how large tables are, how long a burst will be, and
// what a disk needs for an access.

#include <algorithm>
#include <cmath>

#include "domains.h"

namespace spindle {
namespace {

using Json = nlohmann::json;

constexpr double kLargest = 1e15;
constexpr std::int64_t kMostCountedBytes = std::int64_t{1} << 60;

double not_negative(const Field& field) {
  return field.number(0, kLargest);
}
double above_zero(const Field& field) {
  const double value = field.number(0, kLargest);
  if (value <= 0) field.fail("not above 0");
  return value;
}

/// Rounds to four significant digits, for numbers far below 1.
double to_four_digits(double value) {
  if (value == 0 || !std::isfinite(value)) return 0;
  const double scale = std::pow(10.0, 3 - std::floor(std::log10(value)));
  return std::round(value * scale) / scale;
}

/// A miss in the TLB costs an access for each level of the page table more.
Json access_with_tlb(const Field& parameters) {
  const double hit = parameters["hit_ratio"].number(0, 1);
  const double memory = not_negative(parameters["memory_ns"]);
  const double tlb = parameters["tlb_ns"].number_or(0, 0, kLargest);
  const auto levels = static_cast<double>(parameters["levels"].integer_or(1, 1, 64));
  return {{"eat_ns", rounded(tlb + memory + (1 - hit) * levels * memory)}};
}

Json access_with_faults(const Field& parameters) {
  const double rate = parameters["fault_rate"].number(0, 1);
  const double memory = not_negative(parameters["memory_ns"]);
  return {{"eat_ns", rounded((1 - rate) * memory + rate * not_negative(parameters["fault_ns"]))}};
}

/// TLB, page table and page faults together. A share of the misses in the TLB, or of all accesses,
/// faults; a share of the faults writes a page before it reads one.
Json access_with_all(const Field& parameters) {
  const double hit = parameters["hit_ratio"].number(0, 1);
  const double memory = not_negative(parameters["memory_ns"]);
  const double tlb = parameters["tlb_ns"].number_or(0, 0, kLargest);
  const auto levels = static_cast<double>(parameters["levels"].integer_or(1, 1, 64));
  const double rate = parameters["fault_rate"].number(0, 1);
  const double fault = not_negative(parameters["fault_ns"]);
  const double dirty = parameters["dirty"].number_or(0, 0, 1);
  const bool of_misses = parameters["faults_of"].choice({"misses", "accesses"}) == 0;
  // A page that the TLB knows is in memory.
  if (!of_misses && rate > 1 - hit + 1e-12)
    parameters["fault_rate"].fail("more accesses than miss in the TLB");
  if (parameters.failed()) return {};
  const double walk = (1 - hit) * levels * memory;
  const double faults = (of_misses ? (1 - hit) * rate : rate) * fault * (1 + dirty);
  return {{"eat_ns", rounded(tlb + memory + walk + faults)},
          {"walk_ns", rounded(walk)},
          {"fault_part_ns", rounded(faults)}};
}

/// How many accesses may fault if the mean access is to be slower by no more than that share.
Json highest_fault_rate(const Field& parameters) {
  const double memory = not_negative(parameters["memory_ns"]);
  const double fault = not_negative(parameters["fault_ns"]);
  const double slowdown = not_negative(parameters["slowdown"]);
  if (fault <= memory) parameters["fault_ns"].fail("not longer than an access to memory");
  return {{"max_fault_rate", to_four_digits(std::min(1.0, memory * slowdown / (fault - memory)))}};
}

Json pages_for(const Field& parameters) {
  const std::int64_t bytes = parameters["bytes"].integer(0, kMostCountedBytes);
  const std::int64_t size = parameters["page_size"].integer(1, kMostCountedBytes);
  const std::int64_t pages = bytes / size + (bytes % size != 0 ? 1 : 0);
  const std::int64_t unused = bytes % size == 0 ? 0 : size - bytes % size;
  return {{"pages", pages}, {"internal_fragmentation", unused}};
}

Json table_size(const Field& parameters) {
  const std::int64_t bits = parameters["address_bits"].integer(1, 64);
  const std::int64_t size =
      parameters["page_size"].integer(1, std::int64_t{1} << std::min<std::int64_t>(bits, 60));
  const std::int64_t entry = parameters["entry_bytes"].integer(1, 4096);
  const std::uint64_t last = ~std::uint64_t{0} >> (64 - bits);
  if (last / static_cast<std::uint64_t>(size) >= static_cast<std::uint64_t>(kMostCountedBytes))
    return parameters["page_size"].fail("too small"), Json();
  const std::int64_t entries =
      static_cast<std::int64_t>(last / static_cast<std::uint64_t>(size)) + 1;
  if (entries > kMostCountedBytes / entry) return parameters["page_size"].fail("too small"), Json();
  return {{"entries", entries}, {"bytes", entries * entry}};
}

/// Tables of one page each, level above level, until one at the top is enough. The index of the top
/// level has the bits that are left.
Json table_levels(const Field& parameters) {
  const std::int64_t bits = parameters["address_bits"].integer(1, 64);
  const auto power_of = [](const Field& field, std::int64_t low) {
    const std::int64_t size = field.integer(low, std::int64_t{1} << 40);
    if (size > 0 && (size & (size - 1)) != 0) field.fail("not a power of two");
    std::int64_t exponent = 0;
    while ((std::int64_t{1} << exponent) < size) ++exponent;
    return exponent;
  };
  const std::int64_t offset = power_of(parameters["page_size"], 2);
  const std::int64_t entry = power_of(parameters["entry_bytes"], 1);
  if (entry >= offset) parameters["entry_bytes"].fail("not shorter than half of a page");
  if (offset > bits) parameters["page_size"].fail("larger than the space of addresses");
  if (parameters.failed()) return {};
  const std::int64_t index = offset - entry;
  const std::int64_t pages = bits - offset;
  const std::int64_t levels = (pages + index - 1) / index;
  return {{"levels", levels},
          {"offset_bits", offset},
          {"index_bits", index},
          {"top_bits", levels == 0 ? 0 : pages - (levels - 1) * index},
          {"reach_of_a_table", std::int64_t{1} << std::min<std::int64_t>(62, offset + index)}};
}

/// Objects of one size in slabs of whole pages: how many fit, and what is left over.
Json slab(const Field& parameters) {
  const std::int64_t slab_bytes = parameters["slab_bytes"].integer_or(4096, 1, kMostCountedBytes);
  const std::int64_t object = parameters["object_bytes"].integer(1, slab_bytes);
  const std::int64_t objects = parameters["objects"].integer(0, kMostCountedBytes / slab_bytes);
  if (parameters.failed()) return {};
  const std::int64_t fit = slab_bytes / object;
  const std::int64_t slabs = objects / fit + (objects % fit != 0 ? 1 : 0);
  return {{"objects_per_slab", fit},
          {"slabs", slabs},
          {"free_objects", slabs * fit - objects},
          {"internal_fragmentation", slabs * (slab_bytes - fit * object)}};
}

/// How long the arm takes over `distance` of `cylinders`: by `curve` constant (`full_stroke_ms`),
/// linear or square-root (from `track_to_track_ms` for 1 to `full_stroke_ms` for all), or by the
/// points [distance, ms] of a measured `table`, on straight lines between them.
Json seek(const Field& parameters) {
  const auto distance = parameters["distance"].number(0, 1e9);
  const std::size_t curve =
      parameters["curve"].choice({"constant", "linear", "square-root", "table"});
  if (curve == 3) {
    double from = 0;
    double from_ms = 0;
    for (const Field& item : parameters["table"].items()) {
      const std::vector<Field> point = item.items();
      if (point.size() != 2) item.fail("a point is [distance, ms]");
      if (parameters.failed()) return {};
      const double to = point[0].number(0, 1e9);
      const double to_ms = not_negative(point[1]);
      if (to <= from && to != 0) item.fail("the distances must grow");
      if (distance <= to && to > from)
        return {
            {"seek_ms", rounded(from_ms + (to_ms - from_ms) * (distance - from) / (to - from))}};
      from = to;
      from_ms = to_ms;
    }
    return parameters["table"].fail("does not reach to the distance"), Json();
  }
  const double full = not_negative(parameters["full_stroke_ms"]);
  if (curve == 0) return {{"seek_ms", rounded(distance > 0 ? full : 0)}};
  const double cylinders = parameters["cylinders"].number(3, 1e9);
  const double shortest = not_negative(parameters["track_to_track_ms"]);
  if (distance > cylinders - 1) parameters["distance"].fail("longer than the disk");
  if (distance <= 0) return {{"seek_ms", 0}};
  const double part = curve == 1 ? (distance - 1) / (cylinders - 2)
                                 : (std::sqrt(distance) - 1) / (std::sqrt(cylinders - 1) - 1);
  return {{"seek_ms", rounded(shortest + (full - shortest) * part)}};
}

Json chs_to_lba(const Problem& problem) {
  const std::int64_t heads = problem.parameters["heads"].integer(1, 65536);
  const std::int64_t sectors = problem.parameters["sectors"].integer(1, 65536);
  const std::vector<Field> chs = problem.input["chs"].items();
  if (chs.size() != 3) problem.input["chs"].fail("an address is [cylinder, head, sector]");
  if (problem.failed()) return {};
  const std::int64_t cylinder = chs[0].integer(0, std::int64_t{1} << 30);
  const std::int64_t head = chs[1].integer(0, heads - 1);
  const std::int64_t sector = chs[2].integer(1, sectors);
  return {{"lba", (cylinder * heads + head) * sectors + sector - 1}};
}

Json lba_to_chs(const Problem& problem) {
  const std::int64_t heads = problem.parameters["heads"].integer(1, 65536);
  const std::int64_t sectors = problem.parameters["sectors"].integer(1, 65536);
  const std::int64_t lba = problem.input["lba"].integer(0, kMostCountedBytes);
  const std::int64_t track = lba / sectors;
  return {{"chs", {track / heads, track % heads, lba % sectors + 1}}};
}

/// What a disk holds, and at which rate a track passes under a head.
Json disk_capacity(const Field& parameters) {
  const std::int64_t heads = parameters["heads"].integer(1, 65536);
  const std::int64_t cylinders = parameters["cylinders"].integer(1, 1 << 30);
  const std::int64_t sectors = parameters["sectors"].integer(1, 65536);
  const std::int64_t sector_bytes = parameters["sector_bytes"].integer(1, 65536);
  const double rpm = above_zero(parameters["rpm"]);
  if (parameters.failed()) return {};
  if (heads * cylinders > kMostCountedBytes / (sectors * sector_bytes))
    return parameters["cylinders"].fail("the disk would have more than 2^60 bytes"), Json();
  const std::int64_t track = sectors * sector_bytes;
  const std::int64_t all = heads * cylinders * sectors;
  std::int64_t bits = 0;
  while ((std::int64_t{1} << bits) < all) ++bits;
  return {{"sectors", all},
          {"bytes", all * sector_bytes},
          {"track_bytes", track},
          {"cylinder_bytes", track * heads},
          {"mb_per_s", rounded(static_cast<double>(track) * rpm / 60 / 1e6)},
          {"address_bits", bits}};
}

/// One access: the seek, half a revolution on average, and the transfer.
Json random_access(const Field& parameters) {
  const double seek = not_negative(parameters["seek_ms"]);
  const double rotation = 30'000 / above_zero(parameters["rpm"]);
  const double bytes = not_negative(parameters["bytes"]);
  const double transfer = bytes / (above_zero(parameters["mb_per_s"]) * 1e6) * 1e3;
  const double total = seek + rotation + transfer;
  if (parameters.failed()) return {};
  return {{"rotation_ms", rounded(rotation)},
          {"transfer_ms", rounded(transfer)},
          {"io_ms", rounded(total)},
          {"mb_per_s", rounded(bytes / 1e6 / (total / 1e3))}};
}

/// Whole tracks one after another, with one seek and half a revolution before each of them, against
/// the same sectors one by one.
Json track_read(const Field& parameters) {
  const double seek = not_negative(parameters["seek_ms"]);
  const double revolution = 60'000 / above_zero(parameters["rpm"]);
  const auto sectors = static_cast<double>(parameters["sectors_per_track"].integer(1, 1 << 30));
  const auto read = static_cast<double>(parameters["sectors_read"].integer(0, 1 << 30));
  const double tracks = std::ceil(read / sectors);
  const double first = tracks > 0 ? seek : 0;
  return {{"sequential_ms", rounded(first + tracks * revolution / 2 + read / sectors * revolution)},
          {"random_ms", rounded(read * (seek + revolution / 2 + revolution / sectors))}};
}

}  // namespace

Json solve_memory_cost(const Problem& problem) {
  if (problem.algorithm == "EAT-TLB") return access_with_tlb(problem.parameters);
  if (problem.algorithm == "EAT-ALL") return access_with_all(problem.parameters);
  if (problem.algorithm == "EAT-FAULT") return access_with_faults(problem.parameters);
  if (problem.algorithm == "MAX-FAULT-RATE") return highest_fault_rate(problem.parameters);
  if (problem.algorithm == "PAGES-FOR") return pages_for(problem.parameters);
  if (problem.algorithm == "TABLE-SIZE") return table_size(problem.parameters);
  if (problem.algorithm == "TABLE-LEVELS") return table_levels(problem.parameters);
  if (problem.algorithm == "SLAB") return slab(problem.parameters);
  return problem.unknown_algorithm();
}

Json solve_disk_time(const Problem& problem) {
  if (problem.algorithm == "CHS-TO-LBA") return chs_to_lba(problem);
  if (problem.algorithm == "LBA-TO-CHS") return lba_to_chs(problem);
  if (problem.algorithm == "RANDOM-IO") return random_access(problem.parameters);
  if (problem.algorithm == "CAPACITY") return disk_capacity(problem.parameters);
  if (problem.algorithm == "TRACK-READ") return track_read(problem.parameters);
  if (problem.algorithm == "SEEK") return seek(problem.parameters);
  return problem.unknown_algorithm();
}

// The next burst is estimated as alpha times the last one and 1 - alpha times its estimate.
Json solve_burst_estimate(const Problem& problem) {
  if (problem.algorithm != "EXPONENTIAL") return problem.unknown_algorithm();
  const double alpha = problem.parameters["alpha"].number_or(0.5, 0, 1);
  double estimate = not_negative(problem.parameters["first"]);
  Json estimates = Json::array({rounded(estimate)});
  for (const Field& burst : problem.input["bursts"].items()) {
    estimate = alpha * not_negative(burst) + (1 - alpha) * estimate;
    estimates.push_back(rounded(estimate));
  }
  return {{"estimates", estimates}};
}

}  // namespace spindle
