// A block is added to a file, removed from it or read: forms of `spindle files`.

#include <fmt/format.h>

#include <algorithm>
#include <cctype>

#include "cli/face/files_forms.h"
#include "spindle/base/random.h"

namespace spindle::cli {
namespace {

using Kind = FaceParameter::Kind;

class FileBlocksForm final : public Form {
 public:
  [[nodiscard]] std::string domain(const Json&) const override { return "file-blocks"; }
  [[nodiscard]] const std::vector<FacePolicy>& policies() const override;
  [[nodiscard]] const std::vector<FaceParameter>& parameters() const override;
  [[nodiscard]] const std::vector<Measure>& measures() const override {
    static const std::vector<Measure> kMeasures = {
        {"total", "disk accesses"}, {"total_reads", "reads"}, {"total_writes", "writes"}};
    return kMeasures;
  }
  [[nodiscard]] std::string_view row_help() const override {
    return "operations as add:PLACE, remove:PLACE or read:PLACE; PLACE is first, middle, end or "
           "the number of a block";
  }
  [[nodiscard]] bool rows_have_numbers() const override { return false; }
  [[nodiscard]] Json read_rows(const std::vector<std::vector<std::string>>& rows,
                               Complaint& complaint) const override;
  [[nodiscard]] Json generate(Recipe& recipe, Complaint& complaint) const override;
  [[nodiscard]] std::string quiz_recipe(std::uint64_t seed) const override {
    return fmt::format("uniform:count=3,seed={}", seed);
  }
  void complete(Json& problem, Complaint& complaint) const override;
  [[nodiscard]] std::string question(const Json& problem) const override;
  [[nodiscard]] Picture picture(const Solved& solved) const override;
  [[nodiscard]] bool shows_table() const override { return false; }
  [[nodiscard]] chart::Table table(const Solved& solved) const override;
  [[nodiscard]] Facts facts(const Solved& solved) const override {
    return {{"disk accesses", plain(solved.answer["total"])},
            {"reads", plain(solved.answer["total_reads"])},
            {"writes", plain(solved.answer["total_writes"])}};
  }
  [[nodiscard]] std::vector<std::string> reasons(const Solved& solved) const override;
};

const std::vector<FacePolicy>& FileBlocksForm::policies() const {
  static const std::vector<FacePolicy> kPolicies = {
      {"contiguous",
       "CONTIGUOUS",
       "Contiguous allocation",
       {"blocks", "count_from", "room_before", "room_after", "move_start"}},
      {"linked", "LINKED", "Linked allocation", {"blocks", "count_from", "tail_known"}},
      {"fat", "FAT", "File allocation table, in memory", {"blocks", "count_from", "write_index"}},
      {"indexed",
       "INDEXED",
       "Indexed allocation",
       {"blocks", "count_from", "index_in_memory", "write_index"}}};
  return kPolicies;
}

const std::vector<FaceParameter>& FileBlocksForm::parameters() const {
  static const std::vector<FaceParameter> kParameters = {
      {"blocks", Kind::kNumber, "contiguous, linked, fat, indexed: blocks of the file", "100"},
      {"count_from",
       Kind::kChoice,
       "contiguous, linked, fat, indexed: number of the first block",
       "",
       {"0", "1"},
       false,
       false},
      {"room_before", Kind::kFlag, "contiguous: whether the block before the file is free", "no"},
      {"room_after", Kind::kFlag, "contiguous: whether the block after the file is free", "yes"},
      {"move_start", Kind::kFlag,
       "contiguous: whether the blocks before a removed one may move instead of those after it",
       "no"},
      {"tail_known", Kind::kFlag,
       "linked: whether the file control block has the number of the last block", "yes"},
      {"index_in_memory", Kind::kFlag, "indexed: whether the index block is in memory", "yes"},
      {"write_index", Kind::kFlag,
       "indexed, fat: whether the changed block of the index or table is written", "no"}};
  return kParameters;
}

Json FileBlocksForm::read_rows(const std::vector<std::vector<std::string>>& rows,
                               Complaint& complaint) const {
  Json ops = Json::array();
  for (const std::vector<std::string>& row : rows) {
    if (row.size() != 2) return complaint.make_malformed("ops", row, typed_as(*this)), Json();
    const std::string& place = row[1];
    const bool is_word = place == "first" || place == "middle" || place == "end";
    ops.push_back({row[0], is_word ? Json(place) : read_number(place, "place", complaint)});
  }
  if (ops.empty()) complaint.make(no_input("operations", *this));
  return {{"ops", ops}};
}

Json FileBlocksForm::generate(Recipe& recipe, Complaint& complaint) const {
  const std::uint64_t count = recipe.natural("count", 6, 1, 1000);
  Random random(recipe.seed());
  recipe.finish_as("uniform");
  constexpr const char* kOperations[] = {"add", "remove", "read"};
  constexpr const char* kPlaces[] = {"first", "middle", "end"};
  constexpr std::uint64_t kKinds = std::size(kOperations) * std::size(kPlaces);
  Json ops = Json::array();
  // Steps that have no factor in common with the number of kinds come to each before any again.
  const std::uint64_t step = random.below(2) == 0 ? 2 : 4;
  std::uint64_t kind = random.below(kKinds);
  for (std::uint64_t i = 0; i < count && !complaint.made(); ++i, kind = (kind + step) % kKinds)
    ops.push_back({kOperations[kind / std::size(kPlaces)], kPlaces[kind % std::size(kPlaces)]});
  return {{"ops", ops}};
}

/// Makes what a file gives into what a person would have typed: the solver reads "Add" and "3",
/// too.
void FileBlocksForm::complete(Json& problem, Complaint&) const {
  Json& ops = problem["input"]["ops"];
  if (!ops.is_array()) return;
  for (Json& op : ops) {
    if (!op.is_array() || op.size() != 2 || !op[0].is_string()) continue;
    auto verb = op[0].get<std::string>();
    std::ranges::transform(verb, verb.begin(),
                           [](unsigned char c) { return static_cast<char>(std::tolower(c)); });
    op[0] = verb;
    Complaint none;
    if (!op[1].is_string()) continue;
    const Json number = read_number(op[1].get<std::string>(), "place", none);
    if (!none.made()) op[1] = number;
  }
}

/// "a block is added in the middle".
std::string change_text(const Json& op) {
  const std::string place = plain(op[1]);
  const std::string verb = plain(op[0]);
  const bool is_word = op[1].is_string();
  if (verb == "read")
    return is_word ? fmt::format("the {} block is read", place == "end" ? "last" : place)
                   : fmt::format("block {} is read", place);
  if (verb == "add" && !is_word) return fmt::format("a block is added as block {}", place);
  if (!is_word) return fmt::format("block {} is removed", place);
  const std::string_view where = place == "first"    ? "the beginning"
                                 : place == "middle" ? "the middle"
                                                     : "the end";
  if (verb == "remove") return fmt::format("a block is removed from {}", where);
  return fmt::format("a block is added {} {}", place == "middle" ? "in" : "at", where);
}

/// How the file is stored, and what of it is known.
std::string storage_text(const Json& parameters, std::string_view algorithm) {
  const auto flag = [&](const char* name) { return parameters.value(name, false); };
  if (algorithm == "CONTIGUOUS")
    return fmt::format("one after another; the block before them is {}, the block after them {}",
                       flag("room_before") ? "free" : "not free",
                       flag("room_after") ? "free" : "not free");
  if (algorithm == "LINKED")
    return fmt::format("each with the number of the next; the control block has the first one{}",
                       flag("tail_known") ? " and the last" : "");
  if (algorithm == "FAT") return "linked in a file allocation table, which is in memory";
  return fmt::format("with their numbers in an index block, which is {}",
                     flag("index_in_memory") ? "in memory" : "on the disk");
}

std::string FileBlocksForm::question(const Json& problem) const {
  const Json& parameters = problem["parameters"];
  std::vector<std::string> changes;
  for (const Json& op : problem["input"]["ops"]) changes.push_back(change_text(op));
  return fmt::format(
      "A file has {} blocks, {}. Its control block is in memory. How many blocks are read, and how "
      "many are written, if {}, each time in the file as it is now?",
      plain(parameters["blocks"]), storage_text(parameters, plain(problem["algorithm"])),
      fmt::join(changes, "; or if "));
}

Picture FileBlocksForm::picture(const Solved& solved) const {
  chart::FrameTable picture;
  picture.references_label = "operation";
  picture.fault_label = picture.footer_label = picture.hit_meaning = "";
  picture.loaded_meaning = "accesses";
  picture.kept_meaning = "none";
  picture.rows = {"reads", "writes"};
  const Json& ops = solved.input()["ops"];
  for (std::size_t i = 0; i < ops.size(); ++i) {
    chart::FrameTable::Column column{
        fmt::format("{} {}", plain(ops[i][0]), plain(ops[i][1])), {}, "", false};
    for (const char* key : {"reads", "writes"}) {
      const Json& number = solved.answer[key][i];
      column.cells.push_back({plain(number), as_number(number) > 0
                                                 ? chart::FrameTable::State::kLoaded
                                                 : chart::FrameTable::State::kKept});
    }
    picture.columns.push_back(std::move(column));
  }
  return picture;
}

chart::Table FileBlocksForm::table(const Solved& solved) const {
  chart::Table table({"operation", "block", "reads", "writes"});
  const Json& ops = solved.input()["ops"];
  for (std::size_t i = 0; i < ops.size(); ++i)
    table.add_row({fmt::format("{} {}", plain(ops[i][0]), plain(ops[i][1])),
                   plain(solved.answer["positions"][i]), plain(solved.answer["reads"][i]),
                   plain(solved.answer["writes"][i])});
  return table;
}

/// How one operation comes to its reads and writes.
class BlockReasons {
 public:
  explicit BlockReasons(const Solved& solved)
      : parameters_(solved.parameters()),
        algorithm_(plain(solved.problem["algorithm"])),
        blocks_(whole(parameters_["blocks"])),
        from_(whole(parameters_.value("count_from", Json(0)))) {}

  [[nodiscard]] std::string why(const std::string& verb, std::uint64_t position,
                                std::uint64_t reads) const {
    const std::uint64_t at = position - from_;
    if (algorithm_ == "CONTIGUOUS") return contiguous(verb, position, at, reads);
    if (algorithm_ == "LINKED") return linked(verb, position, at);
    return indexed(verb, position);
  }

 private:
  static std::uint64_t whole(const Json& value) {
    return static_cast<std::uint64_t>(as_number(value));
  }
  [[nodiscard]] bool flag(const char* name) const { return parameters_.value(name, false); }

  [[nodiscard]] std::string contiguous(const std::string& verb, std::uint64_t position,
                                       std::uint64_t at, std::uint64_t moved) const {
    if (verb == "read")
      return fmt::format("it is block {} from the start of the file on, which is known: 1 read",
                         at);
    const std::string moves = fmt::format("{} read and written", moved == 1 ? "is" : "are");
    if (verb == "remove") {
      if (moved == 0)
        return at + 1 == blocks_ ? "nothing has to move: the file is a block shorter"
                                 : "nothing has to move: the file starts a block later";
      return at + 1 + moved == blocks_
                 ? fmt::format("the {} after block {} {} to move one place to the front",
                               counted(moved, "block"), position, moves)
                 : fmt::format("the {} before block {} {} to move one place to the end",
                               counted(moved, "block"), position, moves);
    }
    if (moved == 0) return "there is room for it, and nothing has to move: it is written";
    const bool to_end = flag("room_after") && moved == blocks_ - at;
    if (to_end)
      return fmt::format(
          "the {} from block {} on {} to move one place to the end; then it is written",
          counted(moved, "block"), position, moves);
    if (flag("room_before"))
      return fmt::format(
          "the {} before block {} {} to move one place to the front; then it is written",
          counted(moved, "block"), position, moves);
    return fmt::format(
        "there is no room on either side: all {} {} to move to another place; then it is written",
        counted(moved, "block"), moves);
  }

  [[nodiscard]] std::string linked(const std::string& verb, std::uint64_t position,
                                   std::uint64_t at) const {
    const auto chain = [&](std::uint64_t count) {
      return fmt::format("the chain is followed through {}", counted(count, "block"));
    };
    if (verb == "read") return chain(at + 1) + ", the last of which it is";
    if (verb == "remove") {
      if (at == 0)
        return fmt::format("block {} is read, for it has the number of the next", position);
      if (at + 1 == blocks_)
        return chain(at) + ", the last of which is written, as the new end of the chain";
      return fmt::format(
          "{}; the one before block {} is written, with the number of the one after it",
          chain(at + 1), position);
    }
    if (at == 0) return "it is written, with the number of the block that was the first";
    if (at == blocks_ && flag("tail_known"))
      return "the last block is read, and written with the number of the new one; that is written, "
             "too";
    return chain(at) +
           ", the last of which is written with the number of the new one; that is "
           "written, too";
  }

  [[nodiscard]] std::string indexed(const std::string& verb, std::uint64_t position) const {
    const bool is_table = algorithm_ == "FAT";
    const std::string_view pointers = is_table ? "table" : "index block";
    const bool in_memory = is_table || flag("index_in_memory");
    std::string text = in_memory ? fmt::format("the {} is in memory", pointers)
                                 : fmt::format("the {} is read", pointers);
    if (verb == "read")
      return text + fmt::format("; it says where block {} is, which is read", position);
    text += fmt::format("; {} change in it alone", is_table ? "the links" : "the pointers");
    if (verb == "add") text += "; the new block is written";
    if (flag("write_index"))
      text += fmt::format("; the changed {} is written",
                          is_table ? "block of the table" : "index block");
    return text;
  }

  const Json& parameters_;
  std::string algorithm_;
  std::uint64_t blocks_;
  std::uint64_t from_;
};

std::vector<std::string> FileBlocksForm::reasons(const Solved& solved) const {
  std::vector<std::string> out;
  const BlockReasons reasons(solved);
  const Json& ops = solved.input()["ops"];
  for (std::size_t i = 0; i < ops.size(); ++i) {
    const auto reads = solved.answer["reads"][i].get<std::uint64_t>();
    const auto writes = solved.answer["writes"][i].get<std::uint64_t>();
    std::string change = change_text(ops[i]);
    change.front() = static_cast<char>(change.front() - 'a' + 'A');
    out.push_back(fmt::format(
        "{}: {}: {} + {} = {}.", change,
        reasons.why(plain(ops[i][0]), solved.answer["positions"][i].get<std::uint64_t>(), reads),
        counted(reads, "read"), counted(writes, "write"), reads + writes));
  }
  return out;
}

}  // namespace

const Form& file_blocks_form() {
  static const FileBlocksForm kForm;
  return kForm;
}

}  // namespace spindle::cli
