// What a person typed, and what a person is told: complaints, numbers and lists in words.
//
// All families of commands use it. Numbers are read with their bounds, and shown as short as they
// can be; the first thing that is wrong is kept in a Complaint, and the command ends with it.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "spindle/json/json.h"

namespace spindle::cli {

using Json = nlohmann::json;

/// The first thing that was wrong with what a person typed, as a clause that names it.
class Complaint {
 public:
  [[nodiscard]] bool made() const { return !what_.empty(); }
  [[nodiscard]] const std::string& what() const { return what_; }
  void make(std::string what) {
    if (what_.empty()) what_ = std::move(what);
  }
  /// "FIELD: 'GIVEN' is not one of KNOWN".
  void make_unknown(std::string_view field, std::string_view given, std::string_view known);
  /// The same of `--policy`, for which a library could be given, too.
  void make_unknown_policy(std::string_view given, std::string_view known);
  /// "FIELD: 'A:B' is not FORM", for a row whose parts stand between colons.
  void make_malformed(std::string_view field, const std::vector<std::string>& row,
                      std::string_view form);

 private:
  std::string what_;
};

/// Text to be quoted in a complaint, which is a sentence: of a long one its start, and "...".
std::string start_of(std::string_view text);
/// A number as JSON, whole where it is one; a complaint that names the field if it is no number, or
/// out of range.
Json read_number(const std::string& text, std::string_view field, Complaint& complaint,
                 double low = 0, double high = 1e15);
/// The parts between any of `separators`, none of them empty.
std::vector<std::string> split(std::string_view text, std::string_view separators);
/// Whether something is missing before, between or behind the separators: "A:0::3", "1,,2".
bool has_gap(std::string_view text, std::string_view separators);
/// "4", "0.5": a JSON number or text as a person writes it.
std::string plain(const Json& value);
double as_number(const Json& value);
/// "A", "A and B", "A, B and C".
std::string listed(const std::vector<std::string>& words);
/// "12,345.67" without the comma: at most two decimals.
std::string shown(double value);
/// What the parser says, with the line and the column, without the number of the error.
std::string what_is_wrong(const Json::exception& error);
/// The member as a number, if there is one.
std::optional<double> number_of(const Json& object, std::string_view key);
double number_or_zero(const Json& object, std::string_view key);
/// "12,345,678".
std::string grouped(std::uint64_t number);
/// "1 block", "2 blocks".
std::string counted(std::uint64_t count, std::string_view what);
/// "spindle COMMAND: WHAT", on standard error; the status of a command that failed.
int fail(std::string_view command, std::string_view what);
/// "spindle COMMAND: ABOUT: WHY".
int fail(std::string_view command, std::string_view about, std::string_view why);

}  // namespace spindle::cli
