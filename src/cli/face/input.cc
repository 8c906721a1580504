// What a person typed, turned into the values of a case.

#include <fmt/format.h>

#include <algorithm>
#include <charconv>
#include <cmath>

#include "cli/face/face.h"

namespace spindle::cli {

std::vector<std::string> split(std::string_view text, std::string_view separators) {
  std::vector<std::string> parts;
  for (std::size_t from = 0; from < text.size();) {
    const std::size_t to = std::min(text.find_first_of(separators, from), text.size());
    if (from < to) parts.emplace_back(text.substr(from, to - from));
    from = to + 1;
  }
  return parts;
}

std::string_view typed_as(const Form& form) {
  constexpr std::string_view kAs = " as ";
  const std::string_view help = form.row_help();
  const std::size_t as = help.find(kAs);
  return as == std::string_view::npos ? help : help.substr(as + kAs.size());
}

std::string no_input(std::string_view what, const Form& form) {
  return fmt::format("{}: none given; type {}, or use --file or --generate", what, typed_as(form));
}

Json read_number(const std::string& text, std::string_view field, Complaint& complaint, double low,
                 double high) {
  double value = 0;
  const char* end = text.data() + text.size();
  const auto [stopped, error] = std::from_chars(text.data(), end, value);
  if (text.empty() || error != std::errc() || stopped != end || !std::isfinite(value)) {
    complaint.make(fmt::format("{}: '{}' is no number", field, text));
  } else if (value < low || high < value) {
    complaint.make(fmt::format("{}: {} is {} {}", field, text, value < low ? "below" : "above",
                               chart::number_text(value < low ? low : high)));
  } else if (value == std::floor(value)) {
    return static_cast<std::int64_t>(value);
  }
  return value;
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
    complaint_.make(fmt::format("--generate: {} is no whole number", name));
    return fallback;
  }
  return static_cast<std::uint64_t>(value);
}

void Recipe::finish(std::string_view kinds) {
  for (const auto& [name, value] : values_)
    if (std::ranges::find(asked_, name) == asked_.end())
      complaint_.make(fmt::format("--generate: '{}' is no part of {}; there are {}", name, kinds,
                                  fmt::join(asked_, ", ")));
}

void Recipe::unknown_kind(std::string_view kinds) {
  complaint_.make(fmt::format("--generate: '{}' is none of {}", kind_, kinds));
}

std::string plain(const Json& value) {
  if (value.is_string()) return value.get<std::string>();
  if (value.is_number_integer()) return value.dump();  // an address is not "17.41M"
  if (value.is_number()) return chart::number_text(value.get<double>());
  if (value.is_boolean()) return value.get<bool>() ? "yes" : "no";
  if (value.is_null()) return "-";
  return value.dump();
}

double as_number(const Json& value) {
  if (value.is_number()) return value.get<double>();
  if (!value.is_string()) return 0;
  const std::string& text = value.get_ref<const std::string&>();
  double number = 0;
  std::from_chars(text.data(), text.data() + text.size(), number);
  return number;
}

std::optional<double> number_of(const Json& object, std::string_view key) {
  const auto found = object.find(key);
  if (found == object.end() || !found->is_number()) return std::nullopt;
  return found->get<double>();
}

std::string shown(double value) {
  std::string text = fmt::format("{:.2f}", value);
  text.erase(text.find_last_not_of('0') + 1);
  if (text.back() == '.') text.pop_back();
  return text == "-0" ? "0" : text;
}

std::string listed(const std::vector<std::string>& words) {
  std::string out;
  for (std::size_t i = 0; i < words.size(); ++i)
    out += (i == 0 ? "" : i + 1 == words.size() ? " and " : ", ") + words[i];
  return out;
}

}  // namespace spindle::cli
