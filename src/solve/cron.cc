// Cron expressions as Vixie's cron reads them: five fields, or a name like @daily; which minutes
// come next. Where both day fields are restricted, either is enough; a field that begins with a
// star does not restrict (convention `star`: begins; or whole: one that lets all its days pass).

#include <algorithm>
#include <array>
#include <bit>
#include <charconv>
#include <chrono>
#include <optional>

#include "domains.h"

namespace spindle {
namespace {

using Json = nlohmann::json;

/// Longer than the eight years from one 29 February to the next around 2100, seven times over, so
/// that it falls on each day of the week.
constexpr int kMostDays = 60 * 366;
constexpr std::int64_t kMostTimes = 10'000;
constexpr std::chrono::sys_days kLastDay =
    std::chrono::year{9999} / std::chrono::December / std::chrono::day{31};

constexpr std::string_view kMonths[] = {"jan", "feb", "mar", "apr", "may", "jun",
                                        "jul", "aug", "sep", "oct", "nov", "dec"};
constexpr std::string_view kDays[] = {"sun", "mon", "tue", "wed", "thu", "fri", "sat"};

struct Kind {
  int low = 0;
  int high = 0;
  std::span<const std::string_view> names;  ///< of low, low + 1 ...
};
constexpr Kind kKinds[] = {{0, 59, {}}, {0, 23, {}}, {1, 31, {}}, {1, 12, kMonths}, {0, 7, kDays}};
enum Place : std::uint8_t { kMinute, kHour, kDayOfMonth, kMonth, kDayOfWeek };

struct ScheduleAlias {
  std::string_view name;
  std::string_view fields;
};
constexpr ScheduleAlias kScheduleAliases[] = {{"@yearly", "0 0 1 1 *"},  {"@annually", "0 0 1 1 *"},
                                              {"@monthly", "0 0 1 * *"}, {"@weekly", "0 0 * * 0"},
                                              {"@daily", "0 0 * * *"},   {"@midnight", "0 0 * * *"},
                                              {"@hourly", "0 * * * *"}};

std::optional<int> number_of(std::string_view text, const Kind& kind) {
  for (std::size_t i = 0; i < kind.names.size(); ++i)
    if (std::ranges::equal(kind.names[i], text, {}, {}, [](char c) {
          return static_cast<char>(c >= 'A' && c <= 'Z' ? c - 'A' + 'a' : c);
        }))
      return kind.low + static_cast<int>(i);
  int number = 0;
  const char* end = text.data() + text.size();
  const auto [stop, error] = std::from_chars(text.data(), end, number);
  if (error != std::errc() || stop != end) return std::nullopt;
  return number;
}

/// Takes the text up to the separator off the front.
std::string_view next_part(std::string_view& text, char separator) {
  const std::size_t end = std::min(text.find(separator), text.size());
  const std::string_view part = text.substr(0, end);
  text.remove_prefix(std::min(end + 1, text.size()));
  return part;
}

struct Schedule {
  std::array<std::uint64_t, 5> allowed{};  ///< a bit for each number
  std::array<bool, 5> star{};

  /// One item of a field: a number, a range or a star, perhaps with a step.
  bool allow(std::size_t place, std::string_view item) {
    const Kind& kind = kKinds[place];
    const bool has_step = item.find('/') != std::string_view::npos;
    std::string_view range = next_part(item, '/');
    const std::optional<int> step = has_step ? number_of(item, {}) : std::optional(1);
    std::optional<int> low = kind.low;
    std::optional<int> high = kind.high;
    if (range != "*") {
      const bool is_range = range.find('-') != std::string_view::npos;
      low = number_of(next_part(range, '-'), kind);
      high = is_range ? number_of(range, kind) : has_step ? high : low;
    }
    if (!step || !low || !high || *step < 1 || *low < kind.low || *high > kind.high || *low > *high)
      return false;
    const int apart = std::min(*step, kind.high + 1);
    for (int number = *low; number <= *high; number += apart)
      allowed[place] |= std::uint64_t{1} << number;
    return true;
  }

  /// What is wrong with the expression; nothing if it is one.
  std::string read(std::string_view text, bool whole_stars) {
    constexpr std::string_view kWhat[] = {"minute", "hour", "day of the month", "month",
                                          "day of the week"};
    constexpr std::string_view kSpace = " \t";
    for (const ScheduleAlias& alias : kScheduleAliases)
      if (text == alias.name) text = alias.fields;
    if (text.starts_with('@')) return "\"" + std::string(text) + "\" names no times";
    for (std::size_t place = 0; place < allowed.size(); ++place) {
      text.remove_prefix(std::min(text.find_first_not_of(kSpace), text.size()));
      const std::string_view field = text.substr(0, text.find_first_of(kSpace));
      text.remove_prefix(field.size());
      if (field.empty()) return "not the five fields of a cron expression";
      star[place] = field.starts_with('*');
      // What stands behind a last comma is an item that is missing.
      bool is_good = !field.ends_with(',');
      for (std::string_view rest = field; is_good && !rest.empty();)
        is_good = allow(place, next_part(rest, ','));
      if (!is_good)
        return "\"" + std::string(field) + "\" is not a valid " + std::string(kWhat[place]);
    }
    // Both 0 and 7 are Sunday.
    if ((allowed[kDayOfWeek] >> 7 & 1) != 0) allowed[kDayOfWeek] |= 1;
    if (whole_stars) {
      star[kDayOfMonth] = std::popcount(allowed[kDayOfMonth]) == 31;
      star[kDayOfWeek] = (allowed[kDayOfWeek] & 0x7F) == 0x7F;
    }
    return text.find_first_not_of(kSpace) == std::string_view::npos
               ? ""
               : "more than the five fields of a cron expression";
  }

  [[nodiscard]] bool has(Place place, unsigned number) const {
    return (allowed[place] >> number & 1) != 0;
  }

  [[nodiscard]] bool on_day(std::chrono::sys_days day) const {
    const std::chrono::year_month_day date{day};
    if (!has(kMonth, unsigned{date.month()})) return false;
    const bool by_month = has(kDayOfMonth, unsigned{date.day()});
    const bool by_week = has(kDayOfWeek, std::chrono::weekday{day}.c_encoding());
    return star[kDayOfMonth] || star[kDayOfWeek] ? by_month && by_week : by_month || by_week;
  }
};

std::string two_digits(unsigned number) {
  return {static_cast<char>('0' + number / 10), static_cast<char>('0' + number % 10)};
}

std::string text_of(std::chrono::sys_days day, unsigned minute) {
  const std::chrono::year_month_day date{day};
  return std::to_string(int{date.year()}) + "-" + two_digits(unsigned{date.month()}) + "-" +
         two_digits(unsigned{date.day()}) + "T" + two_digits(minute / 60) + ":" +
         two_digits(minute % 60);
}

struct Moment {
  std::chrono::sys_days day;
  unsigned minute = 0;  ///< counted from midnight
};

/// "2024-01-31T23:59"; seconds do not matter, and a space may stand for the T.
std::optional<Moment> read_moment(std::string_view text) {
  const auto number = [&text](std::size_t at, std::size_t length) {
    const auto value = number_of(text.substr(at, length), {});
    return value && *value >= 0 ? static_cast<unsigned>(*value) : 999u;
  };
  if (text.size() == 19 && text[16] == ':' && number(17, 2) < 60) text.remove_suffix(3);
  if (text.size() != 16 || text[4] != '-' || text[7] != '-' ||
      (text[10] != 'T' && text[10] != ' ') || text[13] != ':')
    return std::nullopt;
  const std::chrono::year_month_day date{std::chrono::year{static_cast<int>(number(0, 4))},
                                         std::chrono::month{number(5, 2)},
                                         std::chrono::day{number(8, 2)}};
  if (!date.ok() || number(11, 2) > 23 || number(14, 2) > 59) return std::nullopt;
  return Moment{std::chrono::sys_days{date}, number(11, 2) * 60 + number(14, 2)};
}

}  // namespace

Json solve_cron(const Problem& problem) {
  if (problem.algorithm != "VIXIE") return problem.unknown_algorithm();
  const auto count =
      static_cast<std::size_t>(problem.parameters["count"].integer_or(1, 0, kMostTimes));
  const bool whole_stars = problem.parameters["star"].choice({"begins", "whole"}) == 1;
  Schedule schedule;
  const std::string wrong = schedule.read(problem.input["expression"].text(), whole_stars);
  if (!wrong.empty()) problem.input["expression"].fail(wrong);
  const std::optional<Moment> after = read_moment(problem.input["after"].text());
  if (!after) problem.input["after"].fail("not a time like 2024-01-31T23:59");
  if (problem.failed()) return {};
  Json times = Json::array();
  std::chrono::sys_days day = after->day;
  int days_without = 0;
  for (unsigned first = after->minute + 1; times.size() < count; day += std::chrono::days{1}) {
    if (++days_without > kMostDays || day > kLastDay)
      return problem.input["expression"].fail("does not come so often before the year 10000"),
             Json();
    if (schedule.on_day(day))
      for (unsigned minute = first; minute < 24 * 60 && times.size() < count; ++minute) {
        if (!schedule.has(kHour, minute / 60) || !schedule.has(kMinute, minute % 60)) continue;
        times.push_back(text_of(day, minute));
        days_without = 0;
      }
    first = 0;
  }
  return {{"times", times}};
}

}  // namespace spindle
