// `spindle raid`: where blocks lie on an array of disks, and what it takes to read and write them.

#include <fmt/format.h>

#include <algorithm>
#include <set>

#include "cli/face/formula.h"
#include "spindle/base/random.h"

namespace spindle::cli {
namespace {

using Kind = FaceParameter::Kind;

class RaidForm final : public Form {
 public:
  [[nodiscard]] std::string domain(const Json&) const override { return "raid"; }
  [[nodiscard]] const std::vector<FacePolicy>& policies() const override;
  [[nodiscard]] const std::vector<FaceParameter>& parameters() const override;
  [[nodiscard]] const std::vector<Measure>& measures() const override {
    static const std::vector<Measure> kMeasures = {{"total", "disk accesses"},
                                                   {"total_reads", "reads"},
                                                   {"total_writes", "writes"},
                                                   {"busiest", "of the busiest disk"},
                                                   {"capacity", "capacity (blocks)", true}};
    return kMeasures;
  }
  [[nodiscard]] std::string_view row_help() const override {
    return "requests as r:BLOCK[:COUNT] or w:BLOCK[:COUNT]; none: only where the blocks lie";
  }
  [[nodiscard]] Json read_rows(const std::vector<std::vector<std::string>>& rows,
                               Complaint& complaint) const override;
  [[nodiscard]] Json generate(Recipe& recipe, Complaint& complaint) const override;
  [[nodiscard]] std::string quiz_recipe(std::uint64_t seed) const override {
    return fmt::format("uniform:count=3,high=19,longest=7,seed={}", seed);
  }
  [[nodiscard]] std::string question(const Json& problem) const override;
  [[nodiscard]] Picture picture(const Solved& solved) const override;
  [[nodiscard]] chart::Table table(const Solved& solved) const override;
  [[nodiscard]] Facts facts(const Solved& solved) const override;
  [[nodiscard]] std::vector<std::string> reasons(const Solved& solved) const override;
};

const std::vector<FacePolicy>& RaidForm::policies() const {
  static const std::vector<FacePolicy> kPolicies = {
      {"raid-5",
       "RAID-5",
       "RAID 5, rotated parity",
       {"disks", "disk_blocks", "chunk", "layout", "parity_update", "failed_disk"}},
      {"raid-0", "RAID-0", "RAID 0, striping", {"disks", "disk_blocks", "chunk", "failed_disk"}},
      {"raid-1",
       "RAID-1",
       "RAID 1, mirroring",
       {"disks", "disk_blocks", "chunk", "copies", "failed_disk"}},
      {"raid-4",
       "RAID-4",
       "RAID 4, a parity disk",
       {"disks", "disk_blocks", "chunk", "parity_update", "failed_disk"}},
      {"raid-6",
       "RAID-6",
       "RAID 6, two rotated parities",
       {"disks", "disk_blocks", "chunk", "layout", "parity_update", "failed_disk"}}};
  return kPolicies;
}

const std::vector<FaceParameter>& RaidForm::parameters() const {
  static const std::vector<FaceParameter> kParameters = {
      {"disks", Kind::kNumber, "number of disks", "4"},
      {"disk_blocks", Kind::kNumber, "blocks of each disk", "100"},
      {"chunk", Kind::kNumber, "blocks in a row on a disk, before the next disk's turn", "1"},
      {"copies", Kind::kNumber, "raid-1: how many disks have the same blocks", "2"},
      {"layout",
       Kind::kChoice,
       "raid-5, raid-6: where a row begins: behind the parity, or on the first disk",
       "",
       {"left-symmetric", "left-asymmetric"}},
      {"parity_update",
       Kind::kChoice,
       "raid-4, raid-5, raid-6: what is read for a new parity: the old blocks and parity "
       "(subtractive), the other blocks (additive), or the fewer of them",
       "",
       {"fewest", "subtractive", "additive"}},
      {"failed_disk", Kind::kNumber, "a disk that has failed, counted from 0 [none]"}};
  return kParameters;
}

Json RaidForm::read_rows(const std::vector<std::vector<std::string>>& rows,
                         Complaint& complaint) const {
  Json requests = Json::array();
  for (const std::vector<std::string>& row : rows) {
    if (row.size() < 2 || row.size() > 3)
      return complaint.make_malformed("requests", row, "r:BLOCK[:COUNT] or w:BLOCK[:COUNT]"),
             Json();
    Json request = {row[0], read_number(row[1], "block", complaint)};
    if (row.size() == 3) request.push_back(read_number(row[2], "count", complaint, 1));
    requests.push_back(std::move(request));
  }
  return {{"requests", requests}};
}

Json RaidForm::generate(Recipe& recipe, Complaint& complaint) const {
  const std::uint64_t count = recipe.natural("count", 6, 1, 10'000);
  Random random(recipe.seed());
  const std::uint64_t high = recipe.natural("high", 99, 0, 1'000'000'000);
  const std::uint64_t longest = recipe.natural("longest", 1, 1, 1000);
  recipe.finish_as("uniform");
  Json requests = Json::array();
  for (std::uint64_t i = 0; i < count && !complaint.made(); ++i) {
    const char* const kind = random.one_in(3) ? "r" : "w";
    const std::uint64_t block = random.below(high + 1);
    requests.push_back({kind, block, 1 + random.below(std::min(longest, high - block + 1))});
  }
  return {{"requests", requests}};
}

/// "blocks 7 to 9", "block 7".
std::string request_blocks(const Json& request) {
  const auto block = static_cast<std::uint64_t>(as_number(request[1]));
  const auto count = request.size() == 3 ? static_cast<std::uint64_t>(as_number(request[2])) : 1;
  return count == 1 ? fmt::format("block {}", block)
                    : fmt::format("blocks {} to {}", block, block + count - 1);
}

bool is_write(const Json& request) {
  const std::string kind = plain(request[0]);
  return kind.starts_with('w') || kind.starts_with('W');
}

std::string RaidForm::question(const Json& problem) const {
  const Json& p = problem["parameters"];
  const auto policy =
      std::ranges::find(policies(), plain(problem["algorithm"]), &FacePolicy::algorithm);
  std::vector<std::string> requests;
  for (const Json& request : problem["input"]["requests"])
    requests.push_back(fmt::format("{} {} {}", request_blocks(request),
                                   request_blocks(request).starts_with("blocks") ? "are" : "is",
                                   is_write(request) ? "written" : "read"));
  std::string text = fmt::format("{} disks of {} blocks form an array: {}. ", plain(p["disks"]),
                                 plain(p["disk_blocks"]), policy->title);
  if (p.contains("failed_disk"))
    text += fmt::format("Disk {} has failed. ", plain(p["failed_disk"]));
  if (as_number(p["chunk"]) > 1) text += fmt::format("A chunk has {} blocks. ", plain(p["chunk"]));
  if (requests.empty()) return text + "How many blocks can be used, and where do they lie?";
  return text + fmt::format("How many blocks of the disks are read and written if {}?",
                            fmt::join(requests, "; or if "));
}

/// Rows of the array, and what the requests do to their blocks.
Picture RaidForm::picture(const Solved& solved) const {
  using State = chart::FrameTable::State;
  const Json& answer = solved.answer;
  chart::FrameTable picture;
  picture.references_label = "row";
  picture.fault_label = picture.footer_label = "";
  picture.hit_meaning = "read";
  picture.loaded_meaning = "written";
  picture.kept_meaning = "neither";
  std::set<std::pair<std::uint64_t, std::uint64_t>> read;
  std::set<std::pair<std::uint64_t, std::uint64_t>> written;
  for (const auto& [key, places] : {std::pair("read_places", &read), {"written_places", &written}})
    for (const Json& request : answer[key])
      for (const Json& place : request)
        places->insert({place[0].get<std::uint64_t>(), place[1].get<std::uint64_t>()});
  const auto failed = number_of(solved.parameters(), "failed_disk");
  const std::size_t disks = answer["loads"].size();
  for (std::size_t disk = 0; disk < disks; ++disk)
    picture.rows.push_back(fmt::format(
        "disk {}{}", disk, failed && *failed == static_cast<double>(disk) ? " failed" : ""));
  for (std::size_t i = 0; i < answer["rows"].size(); ++i) {
    const auto row = answer["rows"][i].get<std::uint64_t>();
    chart::FrameTable::Column column{std::to_string(row), {}, "", false};
    for (std::size_t disk = 0; disk < disks; ++disk) {
      const Json& block = answer["layout"][i][disk];
      column.cells.push_back(
          {block.is_null() ? "" : plain(block), block.is_null()                 ? State::kEmpty
                                                : written.contains({disk, row}) ? State::kLoaded
                                                : read.contains({disk, row})    ? State::kHit
                                                                                : State::kKept});
    }
    picture.columns.push_back(std::move(column));
  }
  return picture;
}

chart::Table RaidForm::table(const Solved& solved) const {
  chart::Table table({"request", "blocks", "reads", "writes"});
  const Json& requests = solved.input()["requests"];
  for (std::size_t i = 0; i < requests.size(); ++i)
    table.add_row({is_write(requests[i]) ? "write" : "read",
                   request_blocks(requests[i]).substr(request_blocks(requests[i]).find(' ') + 1),
                   plain(solved.answer["reads"][i]), plain(solved.answer["writes"][i])});
  return table;
}

Facts RaidForm::facts(const Solved& solved) const {
  const Json& answer = solved.answer;
  const double all =
      as_number(solved.parameters()["disks"]) * as_number(solved.parameters()["disk_blocks"]);
  Facts facts = {
      {"capacity", fmt::format("{} of {} blocks", plain(answer["capacity"]), shown(all))}};
  if (solved.input()["requests"].empty()) return facts;
  facts.emplace_back("disk accesses", plain(answer["total"]));
  facts.emplace_back("reads", plain(answer["total_reads"]));
  facts.emplace_back("writes", plain(answer["total_writes"]));
  facts.emplace_back("of the busiest disk", plain(answer["busiest"]));
  return facts;
}

/// What one row has to do with a request: a clause behind "row 3: ".
class RaidReasons {
 public:
  explicit RaidReasons(const Solved& solved)
      : disks_(static_cast<std::uint64_t>(as_number(solved.parameters()["disks"]))),
        parities_(solved.policy->name == "raid-6"                                      ? 2
                  : solved.policy->name == "raid-4" || solved.policy->name == "raid-5" ? 1
                                                                                       : 0),
        copies_(
            static_cast<std::uint64_t>(as_number(solved.parameters().value("copies", Json(1))))),
        has_failed_(solved.parameters().contains("failed_disk")) {}

  [[nodiscard]] std::string why(const Json& step) const {
    const auto blocks = step[1].get<std::uint64_t>();
    const std::string how = plain(step[2]);
    const std::uint64_t data = disks_ / copies_ - parities_;
    const std::string parity = parities_ == 2 ? "the two parities" : "the parity";
    const std::string what = counted(blocks, "block");
    if (how == "read") return fmt::format("{} read", what);
    if (how == "reconstructed")
      return fmt::format(
          "{} asked for, of which the lost one is the exclusive or of all other "
          "blocks of the row and the parity, which are read",
          what);
    if (how == "copies")
      return fmt::format("{}, each written on {} disks{}", what, copies_,
                         has_failed_ ? ", except on the failed one" : "");
    if (how == "written")
      return parities_ == 0 ? fmt::format("{} written", what)
                            : fmt::format("{} written; the parity is lost", what);
    if (how == "full")
      return fmt::format("all {} blocks are written, and {}, which they give: nothing is read",
                         data, parity);
    if (how == "additive")
      return fmt::format(
          "{} of {} blocks {} written: the other {} {} read, and all together give {}", blocks,
          data, blocks == 1 ? "is" : "are", data - blocks, data - blocks == 1 ? "is" : "are",
          parity);
    return fmt::format(
        "{} of {} blocks {} written: what {} before, and {}, {} read, for the "
        "difference changes {}",
        blocks, data, blocks == 1 ? "is" : "are", blocks == 1 ? "it was" : "they were", parity,
        "are", parities_ == 2 ? "them" : "it");
  }

 private:
  std::uint64_t disks_;
  std::uint64_t parities_;
  std::uint64_t copies_;
  bool has_failed_;
};

std::vector<std::string> RaidForm::reasons(const Solved& solved) const {
  std::vector<std::string> out;
  const Json& p = solved.parameters();
  const std::string_view name = solved.policy->name;
  const std::string share =
      name == "raid-0" ? fmt::format("all {} disks hold data", plain(p["disks"]))
      : name == "raid-1"
          ? fmt::format("{} disks, each block on {}", plain(p["disks"]), plain(p["copies"]))
          : fmt::format("{} - {} disks hold data, the rest parity", plain(p["disks"]),
                        name == "raid-6" ? 2 : 1);
  out.push_back(fmt::format("Capacity: {}: {} blocks.", share, plain(solved.answer["capacity"])));
  const RaidReasons reasons(solved);
  const Json& requests = solved.input()["requests"];
  for (std::size_t i = 0; i < requests.size(); ++i) {
    std::vector<std::string> rows;
    for (const Json& step : solved.answer["steps"][i])
      rows.push_back(fmt::format("row {}: {}", plain(step[0]), reasons.why(step)));
    const auto reads = solved.answer["reads"][i].get<std::uint64_t>();
    const auto writes = solved.answer["writes"][i].get<std::uint64_t>();
    out.push_back(fmt::format("{} of {}: {}: {} + {} = {}.",
                              is_write(requests[i]) ? "Write" : "Read", request_blocks(requests[i]),
                              fmt::join(rows, "; "), counted(reads, "read"),
                              counted(writes, "write"), reads + writes));
  }
  return out;
}

class ParityForm final : public Form {
 public:
  [[nodiscard]] std::string domain(const Json&) const override { return "raid"; }
  [[nodiscard]] const std::vector<FacePolicy>& policies() const override {
    static const std::vector<FacePolicy> kPolicies = {
        {"parity", "PARITY", "Parity of blocks", {"write"}}};
    return kPolicies;
  }
  [[nodiscard]] const std::vector<FaceParameter>& parameters() const override {
    static const std::vector<FaceParameter> kParameters = {
        {"write", Kind::kText, "parity: what is then written, as BLOCK+BITS, counted from 0"}};
    return kParameters;
  }
  [[nodiscard]] const std::vector<Measure>& measures() const override {
    static const std::vector<Measure> kMeasures;
    return kMeasures;
  }
  [[nodiscard]] std::string_view row_help() const override {
    return "parity: blocks as 0011 0101; or with a ? for a lost one, and the parity last";
  }
  [[nodiscard]] Json read_rows(const std::vector<std::vector<std::string>>& rows,
                               Complaint& complaint) const override {
    Json blocks = Json::array();
    for (const std::vector<std::string>& row : rows)
      for (const std::string& part : row)
        for (const std::string& block : split(part, ", ")) blocks.push_back(block);
    if (blocks.empty()) complaint.make(no_input("blocks", *this));
    return {{"blocks", blocks}};
  }
  [[nodiscard]] Json generate(Recipe& recipe, Complaint& complaint) const override;
  [[nodiscard]] std::string quiz_recipe(std::uint64_t seed) const override {
    return fmt::format("uniform:count=4,lost={},seed={}", seed % 2, seed);
  }
  void complete(Json& problem, Complaint& complaint) const override;
  [[nodiscard]] std::string question(const Json& problem) const override;
  [[nodiscard]] Picture picture(const Solved& solved) const override;
  [[nodiscard]] bool shows_table() const override { return false; }
  [[nodiscard]] chart::Table table(const Solved& solved) const override {
    chart::Table table({"block", "bits"});
    for (const auto& [name, bits] : lines(solved)) table.add_row({name, bits});
    return table;
  }
  [[nodiscard]] Facts facts(const Solved& solved) const override {
    const Json& answer = solved.answer;
    if (answer.contains("block")) return {{"the lost block", plain(answer["block"])}};
    Facts facts = {{"parity", plain(answer["parity"])}};
    if (answer.contains("new_parity"))
      facts.emplace_back("parity after the write", plain(answer["new_parity"]));
    return facts;
  }
  [[nodiscard]] std::vector<std::string> reasons(const Solved& solved) const override;

 private:
  /// Each block with its name, and what was found.
  static std::vector<std::pair<std::string, std::string>> lines(const Solved& solved);
};

Json ParityForm::generate(Recipe& recipe, Complaint& complaint) const {
  const std::uint64_t count = recipe.natural("count", 4, 2, 100);
  Random random(recipe.seed());
  const std::uint64_t length = recipe.natural("bits", 8, 1, 64);
  const bool loses = recipe.natural("lost", 0, 0, 1) == 1;
  recipe.finish_as("uniform");
  Json blocks = Json::array();
  for (std::uint64_t i = 0; i < count && !complaint.made(); ++i) {
    std::string bits;
    for (std::uint64_t bit = 0; bit < length; ++bit) bits += random.one_in(2) ? '1' : '0';
    blocks.push_back(bits);
  }
  if (loses && !blocks.empty()) blocks[random.below(blocks.size())] = "?";
  return {{"blocks", blocks}};
}

/// A write is typed as BLOCK+BITS.
void ParityForm::complete(Json& problem, Complaint& complaint) const {
  Json& parameters = problem["parameters"];
  if (!parameters.contains("write") || !parameters["write"].is_string()) return;
  const auto text = parameters["write"].get<std::string>();
  const std::vector<std::string> parts = split(text, "+");
  if (parts.size() != 2)
    return complaint.make(fmt::format("--write: '{}' is not BLOCK+BITS", text));
  parameters["write"] = {read_number(parts[0], "--write", complaint), parts[1]};
}

std::string ParityForm::question(const Json& problem) const {
  std::vector<std::string> blocks;
  for (const Json& block : problem["input"]["blocks"]) blocks.push_back(plain(block));
  if (std::ranges::find(blocks, "?") != blocks.end())
    return fmt::format(
        "A row of an array has these blocks, the last of them the parity: {}. What "
        "was in the lost block?",
        fmt::join(blocks, ", "));
  std::string text = fmt::format("A row of an array has the blocks {}. What is their parity",
                                 fmt::join(blocks, ", "));
  if (const Json& p = problem["parameters"]; p.contains("write"))
    text += fmt::format(", and what is it when {} is written into block {}", plain(p["write"][1]),
                        plain(p["write"][0]));
  return text + "?";
}

std::vector<std::pair<std::string, std::string>> ParityForm::lines(const Solved& solved) {
  std::vector<std::pair<std::string, std::string>> lines;
  const Json& blocks = solved.input()["blocks"];
  const bool loses = solved.answer.contains("block");
  for (std::size_t i = 0; i < blocks.size(); ++i)
    lines.emplace_back(loses && i + 1 == blocks.size() ? "parity" : fmt::format("block {}", i),
                       plain(blocks[i]));
  if (loses) {
    auto& [name, bits] = lines[solved.answer["lost"].get<std::size_t>()];
    name += ", lost";
    bits = plain(solved.answer["block"]);
    return lines;
  }
  lines.emplace_back("parity", plain(solved.answer["parity"]));
  return lines;
}

Picture ParityForm::picture(const Solved& solved) const {
  using State = chart::FrameTable::State;
  chart::FrameTable picture;
  picture.references_label = "bit";
  picture.fault_label = picture.footer_label = picture.hit_meaning = "";
  picture.loaded_meaning = "found";
  picture.kept_meaning = "given";
  const auto all = lines(solved);
  const std::size_t found =
      solved.answer.contains("block") ? solved.answer["lost"].get<std::size_t>() : all.size() - 1;
  for (const auto& [name, bits] : all) picture.rows.push_back(name);
  for (std::size_t bit = 0; bit < all.front().second.size(); ++bit) {
    chart::FrameTable::Column column{std::to_string(bit), {}, "", false};
    for (std::size_t i = 0; i < all.size(); ++i)
      column.cells.push_back(
          {std::string(1, all[i].second[bit]), i == found ? State::kLoaded : State::kKept});
    picture.columns.push_back(std::move(column));
  }
  return picture;
}

std::vector<std::string> ParityForm::reasons(const Solved& solved) const {
  const Json& answer = solved.answer;
  std::vector<std::string> rest;
  for (const Json& block : solved.input()["blocks"])
    if (block != "?") rest.push_back(plain(block));
  if (answer.contains("block"))
    return {
        fmt::format("A bit of the lost block is 1 where the others have an odd number of ones: "
                    "{} = {}.",
                    fmt::join(rest, " xor "), plain(answer["block"]))};
  std::vector<std::string> out = {
      fmt::format("A bit of the parity is 1 where the blocks have an odd number of ones: {} = {}.",
                  fmt::join(rest, " xor "), plain(answer["parity"]))};
  if (!answer.contains("new_parity")) return out;
  const Json& write = solved.parameters()["write"];
  const auto at = static_cast<std::size_t>(as_number(write[0]));
  out.push_back(
      fmt::format("The write changes block {} from {} to {}: {} xor {} xor {} = {}; the other "
                  "blocks need not be read.",
                  at, rest[at], plain(write[1]), plain(answer["parity"]), rest[at], plain(write[1]),
                  plain(answer["new_parity"])));
  return out;
}

}  // namespace

const Face& raid_face() {
  static const RaidForm kRaid;
  static const ParityForm kParity;
  static const Face kFace = [] {
    Face face = {"raid",
                 "Place blocks on an array of disks, and count what reads and writes take.",
                 {&kRaid, &kParity}};
    face.forms.insert(face.forms.end(), raid_rate_forms().begin(), raid_rate_forms().end());
    return face;
  }();
  return kFace;
}

}  // namespace spindle::cli
