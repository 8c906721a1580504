// What a person typed, turned into the values of a case.

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <sstream>

#include "cli/face/face.h"

namespace spindle::cli {

std::string_view typed_as(const Form& form) {
  constexpr std::string_view kAs = " as ";
  const std::string_view help = form.row_help();
  const std::size_t as = help.find(kAs);
  return as == std::string_view::npos ? help : help.substr(as + kAs.size());
}

std::string no_input(std::string_view what, const Form& form) {
  return fmt::format("{}: none given; type {}, or use --file or --generate", what, typed_as(form));
}

std::vector<std::vector<std::string>> rows_of_csv(const std::string& text, bool have_numbers,
                                                  Complaint& complaint) {
  constexpr std::string_view kSeparators = ",\t";
  std::vector<std::vector<std::string>> rows;
  std::size_t titles = 0;
  std::istringstream lines(text);
  std::size_t number = 0;
  for (std::string line; std::getline(lines, line);) {
    ++number;
    const std::string whole = line.substr(0, line.find_last_not_of(" \r") + 1);
    line.erase(line.find_last_not_of(",\t \r") + 1);
    if (line.empty() || line.front() == '#') continue;
    std::vector<std::string> row = split(line, kSeparators);
    if (have_numbers && rows.empty() && line.find_first_of("0123456789") == std::string::npos) {
      titles = row.size();
      continue;
    }
    if (has_gap(line, kSeparators) || (line.size() < whole.size() && row.size() < titles))
      complaint.make(
          fmt::format("--file: something is missing in line {}, '{}'", number, start_of(whole)));
    for (std::string& field : row) {
      field.erase(0, field.find_first_not_of(' '));
      field.erase(field.find_last_not_of(' ') + 1);
    }
    rows.push_back(std::move(row));
  }
  return rows;
}

void check_name_is_new(const std::string& name, const Json& rows, std::string_view field,
                       Complaint& complaint) {
  const auto has_it = [&](const Json& row) { return row[0] == name; };
  if (std::ranges::any_of(rows, has_it))
    complaint.make(fmt::format("{}: the name {} is used twice", field, name));
}

Recipe::Recipe(std::string_view text, Complaint& complaint) : complaint_(complaint) {
  const std::size_t colon = text.find(':');
  kind_ = text.substr(0, colon);
  if (colon == std::string_view::npos) return;
  for (const std::string& part : split(text.substr(colon + 1), ",")) {
    const std::size_t equals = part.find('=');
    const std::string name = part.substr(0, equals);
    if (equals == std::string::npos) {
      complaint.make(fmt::format("--generate: '{}' is not of the form NAME=NUMBER", part));
      return;
    }
    values_[name] = as_number(
        read_number(part.substr(equals + 1), "--generate: " + name, complaint, -1e15, 1e15));
  }
}

double Recipe::number(std::string_view name, double fallback, double low, double high) {
  asked_.emplace_back(name);
  const auto found = values_.find(name);
  const double value = found == values_.end() ? fallback : found->second;
  if (low <= value && value <= high) return value;
  complaint_.make(fmt::format("--generate: {} is not between {} and {}", name,
                              chart::number_text(low), chart::number_text(high)));
  return fallback;
}

std::uint64_t Recipe::natural(std::string_view name, std::uint64_t fallback, std::uint64_t low,
                              std::uint64_t high) {
  const double value = number(name, static_cast<double>(fallback), static_cast<double>(low),
                              static_cast<double>(high));
  if (value != std::floor(value)) {
    complaint_.make(fmt::format("--generate: {} is not a whole number", name));
    return fallback;
  }
  return static_cast<std::uint64_t>(value);
}

std::uint64_t Recipe::seed() {
  return natural("seed", 1, 0, 1'000'000'000'000);
}

void Recipe::finish() {
  for (const auto& [name, value] : values_)
    if (std::ranges::find(asked_, name) == asked_.end())
      complaint_.make(fmt::format("--generate: '{}' is not a parameter of {}; it takes {}", name,
                                  kind_, fmt::join(asked_, ", ")));
}

void Recipe::finish_as(std::string_view kind) {
  if (kind_ != kind) unknown_kind(kind);
  finish();
}

void Recipe::unknown_kind(std::string_view kinds) {
  complaint_.make_unknown("--generate", kind_, kinds);
}

}  // namespace spindle::cli
