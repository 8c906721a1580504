#include "cli/words.h"

#include <fmt/format.h>

#include <algorithm>
#include <charconv>
#include <cmath>

#include "spindle/base/number_text.h"
#include "spindle/base/printable.h"
#include "spindle/chart/svg.h"
#include "spindle/command_line/tell_error.h"

namespace spindle::cli {

void Complaint::make_unknown(std::string_view field, std::string_view given,
                             std::string_view known) {
  make(fmt::format("{}: '{}' is not one of {}", field, start_of(given), known));
}

void Complaint::make_unknown_policy(std::string_view given, std::string_view known) {
  make(fmt::format("--policy: '{}' is neither one of {} nor a library (./mine.so)", start_of(given),
                   known));
}

void Complaint::make_malformed(std::string_view field, const std::vector<std::string>& row,
                               std::string_view form) {
  make(fmt::format("{}: '{}' is not {}", field, start_of(fmt::format("{}", fmt::join(row, ":"))),
                   form));
}

std::string start_of(std::string_view text) {
  constexpr std::size_t kLongest = 64;
  if (text.size() <= kLongest) return std::string(text);
  std::size_t size = kLongest;
  // The first byte that is left out must not be within a character.
  while (size > kLongest - 4 && (static_cast<unsigned char>(text[size]) & 0xc0) == 0x80) --size;
  return std::string(text.substr(0, size)) + "...";
}

std::vector<std::string> split(std::string_view text, std::string_view separators) {
  std::vector<std::string> parts;
  for (std::size_t from = 0; from < text.size();) {
    const std::size_t to = std::min(text.find_first_of(separators, from), text.size());
    if (from < to) parts.emplace_back(text.substr(from, to - from));
    from = to + 1;
  }
  return parts;
}

bool has_gap(std::string_view text, std::string_view separators) {
  bool is_gap = true;
  bool is_parted = false;
  for (const char c : text) {
    const bool parts = separators.find(c) != std::string_view::npos;
    if (parts && is_gap) return true;
    is_parted = is_parted || parts;
    is_gap = parts || (is_gap && c == ' ');
  }
  return is_parted && is_gap;
}

Json read_number(const std::string& text, std::string_view field, Complaint& complaint, double low,
                 double high) {
  const auto number = number_in<double>(text);
  const double value = number.value_or(0);
  if (!number || !std::isfinite(value)) {
    complaint.make(fmt::format("{}: '{}' is not a number", field, start_of(text)));
  } else if (value < low || high < value) {
    complaint.make(fmt::format("{}: {} is {} {}", field, text, value < low ? "below" : "above",
                               chart::number_text(value < low ? low : high)));
  } else if (value == std::floor(value)) {
    return static_cast<std::int64_t>(value);
  }
  return value;
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

std::string what_is_wrong(const Json::exception& error) {
  const std::string_view what = error.what();
  return printable(what.substr(std::min(what.find("] ") + 2, what.size())));
}

std::optional<double> number_of(const Json& object, std::string_view key) {
  const auto found = object.find(key);
  if (found == object.end() || !found->is_number()) return std::nullopt;
  return found->get<double>();
}

double number_or_zero(const Json& object, std::string_view key) {
  return number_of(object, key).value_or(0);
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

std::string grouped(std::uint64_t number) {
  std::string text = std::to_string(number);
  for (std::size_t at = text.size(); at > 3;) text.insert(at -= 3, 1, ',');
  return text;
}

std::string counted(std::uint64_t count, std::string_view what) {
  return fmt::format("{} {}{}", count, what, count == 1 ? "" : "s");
}

int fail(std::string_view command, std::string_view what) {
  tell_error(fmt::format("spindle {}", command), what);
  return 1;
}

int fail(std::string_view command, std::string_view about, std::string_view why) {
  return fail(command, fmt::format("{}: {}", about, why));
}

}  // namespace spindle::cli
