// How long a disk takes, forms of `spindle disk`: one access, whole tracks, seek curves; and the
// addresses of its sectors.

#include <fmt/format.h>

#include "cli/face/formula.h"

namespace spindle::cli {
namespace {

using Kind = FaceParameter::Kind;

Formula random_access() {
  return {.domain = "disk-time",
          .policy = {"random-io", "RANDOM-IO", "One access at random"},
          .quantities =
              {{number_parameter("seek_ms", "random-io, track-read: time of a mean seek (ms)", "4"),
                {4, 6, 8, 9, 12}},
               {number_parameter("rpm", "random-io, track-read, capacity: revolutions a minute",
                                 "15000"),
                {5400, 7200, 10000, 15000}},
               {number_parameter("mb_per_s", "random-io: transfer rate of the disk (MB/s)", "125"),
                {50, 100, 125, 200}},
               {number_parameter("bytes", "random-io: size of the access (bytes)", "4096"),
                {512, 4096, 65536, 1000000}}},
          .results = {{"io_ms", "an access", "ms"},
                      {"rotation_ms", "of it rotation", "ms"},
                      {"transfer_ms", "of it transfer", "ms"},
                      {"mb_per_s", "rate", "MB/s"}},
          .curve = {"bytes", 0, 4'000'000, "bytes of an access"},
          .question =
              [](const Json& q) {
                return fmt::format(
                    "A disk turns {} times a minute, seeks for {} ms on average, and transfers {} "
                    "MB/s. How long does an access to {} bytes at a random place take, and at what "
                    "rate does it read so?",
                    value_text(q, "rpm"), value_text(q, "seek_ms"), value_text(q, "mb_per_s"),
                    value_text(q, "bytes"));
              },
          .reasons =
              [](const Solved& solved) {
                const Json& q = solved.parameters();
                const Json& a = solved.answer;
                return std::vector<std::string>{
                    fmt::format("Half a revolution: 60000 / {} / 2 = {} ms.", value_text(q, "rpm"),
                                value_text(a["rotation_ms"])),
                    fmt::format("{} bytes at {} MB/s: {} ms.", value_text(q, "bytes"),
                                value_text(q, "mb_per_s"), value_text(a["transfer_ms"])),
                    fmt::format("{} + {} + {} = {} ms; {} bytes in that time are {} MB/s.",
                                value_text(q, "seek_ms"), value_text(a["rotation_ms"]),
                                value_text(a["transfer_ms"]), value_text(a["io_ms"]),
                                value_text(q, "bytes"), value_text(a["mb_per_s"]))};
              }};
}

Formula track_read() {
  return {
      .domain = "disk-time",
      .policy = {"track-read", "TRACK-READ", "Whole tracks, against sectors one by one"},
      .quantities = {{number_parameter("seek_ms", "", "4"), {4, 6, 8, 9, 12}},
                     {number_parameter("rpm", "", "15000"), {5400, 7200, 10000, 15000}},
                     {number_parameter("sectors_per_track", "track-read: sectors per track", "500"),
                      {100, 320, 500}},
                     {number_parameter("sectors_read",
                                       "track-read: number of sectors that are read", "2500"),
                      {500, 1600, 2500, 5000}}},
      .results = {{"sequential_ms", "one after another", "ms"}, {"random_ms", "one by one", "ms"}},
      .curve = {"sectors_read", 0, 5000, "sectors read"},
      .question =
          [](const Json& q) {
            return fmt::format(
                "A disk turns {} times a minute, seeks for {} ms, and has {} sectors on a track. "
                "How "
                "long does it take to read {} sectors, track by track, and each at a random place?",
                value_text(q, "rpm"), value_text(q, "seek_ms"), value_text(q, "sectors_per_track"),
                value_text(q, "sectors_read"));
          },
      .reasons =
          [](const Solved& solved) {
            const Json& q = solved.parameters();
            return std::vector<std::string>{
                fmt::format("Track by track: one seek of {} ms; for each track half a revolution, "
                            "and a revolution to read it: {} ms.",
                            value_text(q, "seek_ms"), value_text(solved.answer["sequential_ms"])),
                fmt::format("One by one: a seek, half a revolution and the time of one sector, {} "
                            "times: {} ms.",
                            value_text(q, "sectors_read"), value_text(solved.answer["random_ms"]))};
          }};
}

/// The points of a measured curve are typed as DISTANCE+MS,...; other curves have none.
void read_seek_table(Json& problem, Complaint& complaint) {
  Json& parameters = problem["parameters"];
  if (!parameters.contains("table")) return;
  if (parameters.value("curve", Json()) != "table") {
    parameters.erase("table");
    return;
  }
  for (Json& point : parameters["table"]) {
    if (!point.is_string()) continue;
    const auto text = point.get<std::string>();
    Json numbers = Json::array();
    for (const std::string& part : split(text, "+"))
      numbers.push_back(read_number(part, "--table: " + text, complaint, 0, 1e9));
    if (numbers.size() != 2)
      return complaint.make(fmt::format("--table: '{}' is not DISTANCE+MS", text));
    point = numbers;
  }
}

Formula seek_time() {
  return {.domain = "disk-time",
          .policy = {"seek", "SEEK", "A seek, by the curve of the arm"},
          .quantities =
              {{number_parameter("distance", "seek: distance (cylinders)", "100"),
                {1, 10, 100, 1000, 5000}},
               {{"curve",
                 Kind::kChoice,
                 "seek: how the time grows with the distance",
                 "square-root",
                 {"constant", "linear", "square-root", "table"},
                 false,
                 false}},
               {{"table", Kind::kWords,
                 "seek: measured times for the curve 'table', as DISTANCE+MS,...",
                 "1+1,100+3,1000+6,5000+10,9999+15"}},
               {number_parameter("cylinders", "", "10000"), {}},
               {number_parameter("track_to_track_ms", "seek: time to the next cylinder (ms)", "1"),
                {0.5, 1, 2}},
               {number_parameter("full_stroke_ms", "seek: time across the whole disk (ms)", "15"),
                {10, 15, 20}}},
          .results = {{"seek_ms", "seek", "ms"}},
          .curve = {"distance", 0, 9999, "distance (cylinders)"},
          .complete = read_seek_table,
          .question =
              [](const Json& q) {
                return fmt::format(
                    "An arm takes {} ms to the next cylinder and {} ms across all {}; between them "
                    "the time is {}. How long is a seek over {} cylinders?",
                    value_text(q, "track_to_track_ms"), value_text(q, "full_stroke_ms"),
                    value_text(q, "cylinders"), value_text(q, "curve"), value_text(q, "distance"));
              },
          .reasons =
              [](const Solved& solved) {
                const Json& q = solved.parameters();
                if (q.contains("table"))
                  return std::vector<std::string>{fmt::format(
                      "{} cylinders on straight lines between what was measured, {}: {} ms.",
                      value_text(q, "distance"), value_text(q, "table"),
                      value_text(solved.answer["seek_ms"]))};
                return std::vector<std::string>{fmt::format(
                    "{} cylinders on the {} curve from {} ms for 1 to {} ms for {}: {} ms.",
                    value_text(q, "distance"), value_text(q, "curve"),
                    value_text(q, "track_to_track_ms"), value_text(q, "full_stroke_ms"),
                    as_number(q["cylinders"]) - 1, value_text(solved.answer["seek_ms"]))};
              }};
}

Formula disk_capacity() {
  return {
      .domain = "disk-time",
      .policy = {"capacity", "CAPACITY", "Capacity of a disk"},
      .quantities = {{number_parameter("heads", "", "16"), {8, 16, 32}},
                     {number_parameter("cylinders", "", "1024"), {128, 512, 1024}},
                     {number_parameter("sectors", "", "63"), {63, 256, 512}},
                     {number_parameter("sector_bytes", "capacity: bytes of a sector", "512"),
                      {512, 4096}},
                     {number_parameter("rpm", "", "7200"), {3600, 5400, 7200}}},
      .results = {{"bytes", "capacity", "bytes"},
                  {"sectors", "sectors", ""},
                  {"track_bytes", "a track", "bytes"},
                  {"cylinder_bytes", "a cylinder", "bytes"},
                  {"mb_per_s", "rate of a track", "MB/s"},
                  {"address_bits", "bits to number the sectors", ""}},
      .curve = {"sectors", 0, 1000, "sectors of a track"},
      .question =
          [](const Json& q) {
            return fmt::format(
                "A disk has {} surfaces with {} tracks each, {} sectors on a track, and {} bytes "
                "in a "
                "sector; it turns {} times a minute. How many bytes does it hold, how many bits "
                "number its sectors, and at which rate does it read a track?",
                value_text(q, "heads"), value_text(q, "cylinders"), value_text(q, "sectors"),
                value_text(q, "sector_bytes"), value_text(q, "rpm"));
          },
      .reasons =
          [](const Solved& solved) {
            const Json& q = solved.parameters();
            const Json& a = solved.answer;
            std::vector<std::string> out = {
                fmt::format("{} heads x {} cylinders x {} sectors = {} sectors.",
                            value_text(q, "heads"), value_text(q, "cylinders"),
                            value_text(q, "sectors"), value_text(a, "sectors")),
                fmt::format("{} x {} = {} bytes.", value_text(a, "sectors"),
                            value_text(q, "sector_bytes"), value_text(a, "bytes")),
                fmt::format("A track: {} x {} = {} bytes, in 60 / {} s: {} MB/s.",
                            value_text(q, "sectors"), value_text(q, "sector_bytes"),
                            value_text(a, "track_bytes"), value_text(q, "rpm"),
                            value_text(a, "mb_per_s"))};
            if (const double bits = as_number(a["address_bits"]); bits > 0)
              out.push_back(fmt::format("{0} bits tell 2^{0} sectors apart; {1} would be too few.",
                                        plain(bits), plain(bits - 1)));
            return out;
          }};
}

/// "heads 0 to 4", or "head 0".
std::string range_text(std::string_view what, std::uint64_t first, std::uint64_t last) {
  return first == last ? fmt::format("{} {}", what, first)
                       : fmt::format("{}s {} to {}", what, first, last);
}

/// The blocks up to the end of the track, as the formula counts them.
Picture blocks_up_to(const Json& quantities, const Json& chs, const Json& lba) {
  using chart::Meaning;
  const auto natural = [](const Json& number) {
    return static_cast<std::uint64_t>(as_number(number));
  };
  const std::uint64_t sectors = natural(quantities["sectors"]);
  const std::uint64_t cylinder = natural(chs[0]);
  const std::uint64_t head = natural(chs[1]);
  const std::uint64_t sector = natural(chs[2]);
  chart::MemoryMap map;
  map.unit = "blocks";
  std::uint64_t from = 0;
  const auto add = [&](std::uint64_t length, const std::string& label, Meaning meaning) {
    if (length > 0) map.parts.push_back({from, length, label, meaning});
    from += length;
  };
  add(cylinder * natural(quantities["heads"]) * sectors, range_text("cylinder", 0, cylinder - 1),
      Meaning::kWaiting);
  add(head * sectors, fmt::format("{} of cylinder {}", range_text("head", 0, head - 1), cylinder),
      Meaning::kWaiting);
  add(sector - 1, fmt::format("{} of head {}", range_text("sector", 1, sector - 1), head),
      Meaning::kWaiting);
  add(1, fmt::format("sector {}: block {}", sector, value_text(lba)), Meaning::kRunning);
  add(sectors - sector, range_text("sector", sector + 1, sectors), Meaning::kFree);
  return map;
}

Formula to_block() {
  return {
      .domain = "disk-time",
      .policy = {"chs-to-lba", "CHS-TO-LBA", "Cylinder, head and sector to block"},
      .quantities =
          {{number_parameter("heads", "chs-to-lba, lba-to-chs, capacity: number of heads", "16"),
            {8, 16, 255}},
           {number_parameter("sectors",
                             "chs-to-lba, lba-to-chs, capacity: sectors per track, numbered from 1",
                             "63"),
            {17, 32, 63}},
           {{"chs",
             Kind::kNumbers,
             "chs-to-lba: the address, as CYLINDER,HEAD,SECTOR",
             "2,5,9",
             {},
             true}}},
      .results = {{"lba", "block", ""}},
      .picture =
          [](const Solved& solved) {
            return blocks_up_to(solved.parameters(), solved.input()["chs"], solved.answer["lba"]);
          },
      .question =
          [](const Json& q) {
            return fmt::format(
                "A disk has {} heads and {} sectors on a track, numbered from 1. Which block is "
                "cylinder, head, sector {}?",
                value_text(q, "heads"), value_text(q, "sectors"), value_text(q, "chs"));
          },
      .reasons =
          [](const Solved& solved) {
            const Json& q = solved.parameters();
            const Json& chs = solved.input()["chs"];
            return std::vector<std::string>{
                fmt::format("({} x {} + {}) x {} + {} - 1 = {}.", value_text(chs[0]),
                            value_text(q, "heads"), value_text(chs[1]), value_text(q, "sectors"),
                            value_text(chs[2]), value_text(solved.answer["lba"]))};
          }};
}

Formula from_block() {
  return {.domain = "disk-time",
          .policy = {"lba-to-chs", "LBA-TO-CHS", "Block to cylinder, head and sector"},
          .quantities = {{number_parameter("heads", "", "16"), {8, 16, 255}},
                         {number_parameter("sectors", "", "63"), {17, 32, 63}},
                         {{"lba", Kind::kNumber, "lba-to-chs: the block number", "2339", {}, true},
                          {0, 100, 2339, 50000, 123456}}},
          .results = {{"chs", "cylinder, head, sector", ""}},
          .picture =
              [](const Solved& solved) {
                return blocks_up_to(solved.parameters(), solved.answer["chs"],
                                    solved.input()["lba"]);
              },
          .question =
              [](const Json& q) {
                return fmt::format(
                    "A disk has {} heads and {} sectors on a track, numbered from 1. At which "
                    "cylinder, head and sector is block {}?",
                    value_text(q, "heads"), value_text(q, "sectors"), value_text(q, "lba"));
              },
          .reasons =
              [](const Solved& solved) {
                const Json& q = solved.parameters();
                const Json& chs = solved.answer["chs"];
                const double track = as_number(chs[0]) * as_number(q["heads"]) + as_number(chs[1]);
                return std::vector<std::string>{
                    fmt::format("{} = {} x {} + {}: track {}, and on it sector {} + 1 = {}.",
                                value_text(solved.input(), "lba"), value_text(track),
                                value_text(q, "sectors"), value_text(as_number(chs[2]) - 1),
                                value_text(track), value_text(as_number(chs[2]) - 1),
                                value_text(chs[2])),
                    fmt::format("{} = {} x {} + {}: cylinder {}, head {}.", value_text(track),
                                value_text(chs[0]), value_text(q, "heads"), value_text(chs[1]),
                                value_text(chs[0]), value_text(chs[1]))};
              }};
}

}  // namespace

const std::vector<const Form*>& disk_time_forms() {
  static const FormulaForm kForms[] = {FormulaForm(random_access()), FormulaForm(track_read()),
                                       FormulaForm(seek_time()),     FormulaForm(disk_capacity()),
                                       FormulaForm(to_block()),      FormulaForm(from_block())};
  static const std::vector<const Form*> kList = forms_of(kForms);
  return kList;
}

}  // namespace spindle::cli
