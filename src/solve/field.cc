#include "field.h"

#include <algorithm>
#include <charconv>
#include <cmath>
#include <limits>

namespace spindle {
namespace {

using Json = nlohmann::json;

/// Larger times than this are refused, so that sums of millions of them stay in range.
constexpr double kLongestUnits = 1e9;

char plain(char c) {
  if (c == '_') return '-';
  return static_cast<char>(c >= 'A' && c <= 'Z' ? c - 'A' + 'a' : c);
}

/// Whether they differ only in case, hyphens and underscores.
bool is_same_word(std::string_view a, std::string_view b) {
  return std::ranges::equal(a, b, {}, plain, plain);
}

}  // namespace

void Field::fail(std::string_view why) const {
  const std::string place = item_ == 0 ? "" : " (item " + std::to_string(item_) + " of the list)";
  failure_->note(std::string(name_) + ": " + std::string(present() ? why : "missing") + place);
}

Field Field::operator[](std::string_view member) const {
  if (!present() || !value_->is_object()) return {nullptr, member, failure_};
  failure_->read(value_, member);
  const auto found = value_->find(member);
  return {found == value_->end() ? nullptr : &*found, member, failure_};
}

Field Field::member(const std::string& name) const {
  return {(*this)[name].value_, name_, failure_};
}

std::vector<Field> Field::items() const {
  std::vector<Field> items;
  if (!is_list() || value_->size() > kMostItems) {
    fail("not a list");
    return items;
  }
  items.reserve(value_->size());
  for (const Json& item : *value_)
    items.emplace_back(&item, name_, failure_, item_ == 0 ? items.size() + 1 : item_);
  return items;
}

std::vector<std::pair<std::string, Field>> Field::members() const {
  std::vector<std::pair<std::string, Field>> members;
  if (!present() || !value_->is_object()) {
    fail("not an object");
    return members;
  }
  for (auto member = value_->begin(); member != value_->end(); ++member)
    members.emplace_back(member.key(), Field(&*member, name_, failure_));
  return members;
}

std::string Field::shown() const {
  constexpr std::size_t kLongest = 40;
  if (!present()) return {};
  if (value_->is_structured()) return value_->is_array() ? "the list" : "the object";
  std::string text = value_->dump(-1, ' ', true, Json::error_handler_t::replace);
  if (text.size() > kLongest) text.replace(kLongest, std::string::npos, "...");
  return text;
}

double Field::as_number() const {
  if (present() && value_->is_number()) return value_->get<double>();
  double number = std::numeric_limits<double>::quiet_NaN();
  if (!present() || !value_->is_string()) return number;
  const auto& text = value_->get_ref<const std::string&>();
  const char* const end = text.data() + text.size();
  const auto [stop, error] = std::from_chars(text.data(), end, number);
  return error == std::errc() && stop == end ? number : std::numeric_limits<double>::quiet_NaN();
}

std::int64_t Field::integer(std::int64_t low, std::int64_t high) const {
  std::int64_t value = 0;
  bool huge = false;
  if (present() && value_->is_number_integer()) {
    // A number beyond the signed range reads as unsigned, and lies above any bound asked for.
    huge = value_->is_number_unsigned() && value_->get<std::uint64_t>() >> 63 != 0;
    value = huge ? high : value_->get<std::int64_t>();
  } else {
    constexpr double kLargestExact = 9007199254740992.0;
    const double number = as_number();
    if (std::isnan(number) || number != std::floor(number))
      return fail(shown() + " is not a whole number"), low;
    huge = std::fabs(number) > kLargestExact;
    value = huge ? high : static_cast<std::int64_t>(number);
  }
  if (huge || value < low || value > high)
    return fail(shown() + " is not from " + std::to_string(low) + " to " + std::to_string(high)),
           low;
  return value;
}

std::int64_t Field::integer_or(std::int64_t fallback, std::int64_t low, std::int64_t high) const {
  return present() ? integer(low, high) : fallback;
}

double Field::number(double low, double high) const {
  const double value = as_number();
  if (std::isnan(value)) return fail(shown() + " is not a number"), low;
  if (value < low) return fail(shown() + " is below " + rounded(low).dump()), low;
  if (value > high) return fail(shown() + " is above " + rounded(high).dump()), low;
  return value;
}

double Field::number_or(double fallback, double low, double high) const {
  return present() ? number(low, high) : fallback;
}

VirtualTime Field::time() const {
  const double units = number(0, kLongestUnits);
  return {std::llround(units * static_cast<double>(kUnitNs))};
}

VirtualTime Field::time_or(VirtualTime fallback) const {
  return present() ? time() : fallback;
}

std::string Field::text() const {
  // Names may be numbers.
  if (present() && value_->is_number_integer()) return value_->dump();
  if (!present() || !value_->is_string()) return fail("not a text"), std::string();
  return value_->get<std::string>();
}

bool Field::flag_or(bool fallback) const {
  if (!present()) return fallback;
  if (!value_->is_boolean()) return fail("neither true nor false"), fallback;
  return value_->get<bool>();
}

std::size_t Field::choice(std::initializer_list<std::string_view> words) const {
  if (!present()) return 0;
  const std::string word = text();
  std::string known;
  for (std::size_t i = 0; i < words.size(); ++i) {
    std::string_view spellings = words.begin()[i];
    known += (i == 0 ? "" : ", ") + std::string(spellings.substr(0, spellings.find('|')));
    while (!spellings.empty()) {
      const std::size_t end = std::min(spellings.find('|'), spellings.size());
      if (is_same_word(spellings.substr(0, end), word)) return i;
      spellings.remove_prefix(std::min(end + 1, spellings.size()));
    }
  }
  return fail("\"" + word + "\" is not one of " + known), 0;
}

std::vector<std::uint64_t> Field::naturals(std::uint64_t high) const {
  if (const Field recipe = member("generate"); recipe.present()) return generated(recipe, high);
  std::vector<std::uint64_t> numbers;
  for (const Field& item : items())
    numbers.push_back(static_cast<std::uint64_t>(item.integer(0, static_cast<std::int64_t>(high))));
  return numbers;
}

// The C standard's example of rand, its state shifted right by eight bits and taken modulo the
// size of the range.
std::vector<std::uint64_t> Field::generated(const Field& recipe, std::uint64_t high) const {
  const std::vector<Field> items = recipe.items();
  std::vector<std::uint64_t> numbers;
  if (items.size() != 4) return fail("generate needs a seed, a count, a low and a high"), numbers;
  const std::int64_t most = static_cast<std::int64_t>(std::min<std::uint64_t>(high, 1u << 31));
  auto state = static_cast<std::uint64_t>(items[0].integer(0, (std::int64_t{1} << 31) - 1));
  const auto count = static_cast<std::size_t>(items[1].integer(0, kMostItems));
  const auto low = static_cast<std::uint64_t>(items[2].integer(0, most));
  const auto top =
      static_cast<std::uint64_t>(items[3].integer(static_cast<std::int64_t>(low), most));
  if (failed()) return numbers;
  numbers.reserve(count);
  for (std::size_t i = 0; i < count; ++i) {
    state = (state * 1103515245 + 12345) & 0x7FFF'FFFF;
    numbers.push_back(low + (state >> 8) % (top - low + 1));
  }
  return numbers;
}

Json in_units(VirtualTime time) {
  if (time.ns % kUnitNs == 0) return time.ns / kUnitNs;
  return static_cast<double>(time.ns) / static_cast<double>(kUnitNs);
}

Json rounded(double value) {
  if (!(std::fabs(value) < 1e18)) return value;
  constexpr std::size_t kLongest = 32;
  char text[kLongest];
  // The digits of the number as it is; multiplied before, it would be rounded twice.
  const auto [end, unused] =
      std::to_chars(text, text + kLongest, value, std::chars_format::fixed, 4);
  double result = value;
  std::from_chars(text, end, result);
  if (result == std::floor(result)) return static_cast<std::int64_t>(result);
  return result;
}

}  // namespace spindle
