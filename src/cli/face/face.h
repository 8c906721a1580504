// Face: what a domain of exercises looks like to a person: `spindle cpu`, `spindle disk` ...
//
// A face has one or more forms. A form is a kind of exercise with its own input: it knows how the
// input is typed, read from a file or generated, which policies and conventions there are, and how
// to make of the solver's answer a picture, a table and the reasons of each choice. All else is the
// same for all of them: the case is built (plan.h), given to the solver (run.cc), and the answer is
// shown as text, SVG, JSON or CSV (show.h). So what a face says is what the solver says.
//
// Policies, conventions and quantities are named as in the solver's parameters and answers; on the
// command line `context_switch` is spelt `--context-switch`.
#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <variant>
#include <vector>

#include "cli/words.h"
#include "spindle/chart/arm_path.h"
#include "spindle/chart/bars.h"
#include "spindle/chart/frame_table.h"
#include "spindle/chart/graph.h"
#include "spindle/chart/memory_map.h"
#include "spindle/chart/plot.h"
#include "spindle/chart/table.h"
#include "spindle/chart/timeline.h"
#include "spindle/json/json.h"

namespace spindle::cli {

struct FaceParameter {
  enum class Kind : std::uint8_t { kNumber, kChoice, kFlag, kNumbers, kWords, kText };
  std::string_view name;  ///< "context_switch"
  Kind kind = Kind::kNumber;
  std::string_view help;
  std::string_view fallback = "";              ///< the value where none is given
  std::vector<std::string_view> choices = {};  ///< of a kChoice, the solver's default first
  bool is_input = false;      ///< it stands in the input of the case, not among its parameters
  bool is_convention = true;  ///< a choice in which textbooks differ
};

struct FacePolicy {
  std::string_view name;       ///< "rr"
  std::string_view algorithm;  ///< "RR"
  std::string_view title;      ///< "Round robin"
  std::vector<std::string_view> parameters = {};
};

/// A quantity of the answer by which policies are compared; the first of a form ranks them.
struct Measure {
  std::string_view key;    ///< the name of the quantity in the answer
  std::string_view title;  ///< with its unit
  bool more_is_better = false;
};

/// What a generator is asked for: "zipf:count=1000,pages=100,seed=7".
class Recipe {
 public:
  Recipe(std::string_view text, Complaint& complaint);
  [[nodiscard]] const std::string& kind() const { return kind_; }
  /// The number of that name, or the fallback; a complaint if it is out of range.
  double number(std::string_view name, double fallback, double low, double high);
  std::uint64_t natural(std::string_view name, std::uint64_t fallback, std::uint64_t low,
                        std::uint64_t high);
  std::uint64_t seed();
  /// Complains of parameters that nobody asked for; to be called when all were read.
  void finish();
  /// The same where there is only one kind of recipe; complains of any other.
  void finish_as(std::string_view kind);
  /// Complains that the kind is not one of `kinds`.
  void unknown_kind(std::string_view kinds);

 private:
  Complaint& complaint_;
  std::string kind_;
  std::map<std::string, double, std::less<>> values_;
  std::vector<std::string> asked_;
};

using Facts = std::vector<std::pair<std::string, std::string>>;
using Picture = std::variant<std::monostate, chart::Timeline, chart::ArmPath, chart::FrameTable,
                             chart::MemoryMap, chart::Graph, chart::Plot>;

/// A case and what the solver answered.
struct Solved {
  Json problem;
  Json answer;
  const FacePolicy* policy = nullptr;

  [[nodiscard]] const Json& input() const { return problem["input"]; }
  [[nodiscard]] const Json& parameters() const { return problem["parameters"]; }
};

class Form {
 public:
  virtual ~Form() = default;
  /// The solver's domain; it may depend on the input.
  [[nodiscard]] virtual std::string domain(const Json& input) const = 0;
  [[nodiscard]] virtual const std::vector<FacePolicy>& policies() const = 0;
  [[nodiscard]] virtual const std::vector<FaceParameter>& parameters() const = 0;
  [[nodiscard]] virtual const std::vector<Measure>& measures() const = 0;
  /// How a row of input is typed, for messages: "NAME:ARRIVAL:BURST[:PRIORITY]".
  [[nodiscard]] virtual std::string_view row_help() const = 0;

  /// The rows of the command line (parts stand between colons) or of a CSV file.
  [[nodiscard]] virtual Json read_rows(const std::vector<std::vector<std::string>>& rows,
                                       Complaint& complaint) const = 0;
  /// Whether each row has a number, so that a first one without any is a line of titles.
  [[nodiscard]] virtual bool rows_have_numbers() const { return true; }
  [[nodiscard]] virtual Json generate(Recipe& recipe, Complaint& complaint) const = 0;
  /// The recipe that `generate` gets for the quiz of this seed.
  [[nodiscard]] virtual std::string quiz_recipe(std::uint64_t seed) const = 0;
  /// Last changes to a case: names put in place of numbers, and the like.
  virtual void complete(Json& problem, Complaint& complaint) const {
    static_cast<void>(problem), static_cast<void>(complaint);
  }

  /// Adds quantities that the answer lacks, and by which policies are compared.
  virtual void finish(Solved& solved) const { static_cast<void>(solved); }

  /// The question, with the input as a table.
  [[nodiscard]] virtual std::string question(const Json& problem) const = 0;
  [[nodiscard]] virtual Picture picture(const Solved& solved) const = 0;
  /// False where the picture shows the same, so that the table is only for CSV.
  [[nodiscard]] virtual bool shows_table() const { return true; }
  [[nodiscard]] virtual chart::Table table(const Solved& solved) const = 0;
  /// The quantities of the whole, with their units.
  [[nodiscard]] virtual Facts facts(const Solved& solved) const = 0;
  /// A sentence for each choice that the policy made.
  [[nodiscard]] virtual std::vector<std::string> reasons(const Solved& solved) const = 0;
};

struct FaceRequest;

struct Face {
  std::string_view command;
  std::string_view help;
  std::vector<const Form*> forms;  ///< the first policy of the first form is the default
  /// What replays a trace or draws a curve where the request asks for that; null: nothing does.
  void (*replay)(const FaceRequest& request, Complaint& complaint) = nullptr;
};

struct FaceRequest {
  std::vector<std::string> words;
  std::vector<std::string> policies;
  std::map<std::string, std::string> values;  ///< values of parameters, by name
  std::string file;
  std::string recipe;
  std::string svg;
  std::optional<std::uint64_t> quiz;
  bool all = false;
  bool explain = false;
  bool json = false;
  bool csv = false;
  bool answer = false;
  // For traces:
  std::string trace;
  std::string format;
  bool curve = false;
};

/// Returns the exit status; what went wrong stands on standard error.
int run_face(const Face& face, const FaceRequest& request);

// What forms need in common.

/// How the rows of the form are typed: "NAME:ARRIVAL:BURST".
std::string_view typed_as(const Form& form);
/// The complaint that no input ("processes") was given, and how it can be.
std::string no_input(std::string_view what, const Form& form);
/// Complains if one of `rows`, which are lists that begin with a name, begins with this one.
void check_name_is_new(const std::string& name, const Json& rows, std::string_view field,
                       Complaint& complaint);
/// The fields of each line of a CSV file. A first line without any number is a line of titles, and
/// is left out. Complains if a field is empty between two others, or missing where it has a title.
std::vector<std::vector<std::string>> rows_of_csv(const std::string& text, bool have_numbers,
                                                  Complaint& complaint);
/// Asks the solver; false, with a complaint, if it does not answer. What it did not read is added
/// to `notes`.
bool solve(Solved& solved, Complaint& complaint, std::vector<std::string>* notes = nullptr);

/// Writes the picture into the file that is asked for, if one is.
void write_svg(const FaceRequest& request, const std::string& document, Complaint& complaint);

const Face& cpu_face();
const Face& disk_face();
const Face& files_face();
const Face& raid_face();
const Face& memory_face();
const Face& deadlock_face();
const Face& realtime_face();
const Face& translate_face();
const Face& processes_face();
const Face& sync_face();
const Face& cron_face();

}  // namespace spindle::cli
