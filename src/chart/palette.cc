#include "spindle/chart/palette.h"

namespace spindle::chart {
namespace {

struct Entry {
  std::string_view colour;
  std::string_view name;
  std::string_view ink;
};

/// The order is that of Meaning.
constexpr Entry kMeanings[] = {
    {"#0072B2", "running", "#FFFFFF"}, {"#D9D9D9", "waiting", "#000000"},
    {"#E69F00", "device", "#000000"},  {"#CC79A7", "overhead", "#000000"},
    {"#009E73", "hit", "#FFFFFF"},     {"#D55E00", "miss", "#FFFFFF"},
    {"#F7F7F7", "free", "#000000"},    {"#8C8C8C", "return", "#000000"},
};

constexpr std::string_view kSeries[] = {"#0072B2", "#E69F00", "#009E73", "#D55E00",
                                        "#CC79A7", "#56B4E9", "#000000"};
constexpr std::string_view kDashes[] = {"", "7 3", "2 3", "9 3 2 3"};

const Entry& entry(Meaning meaning) {
  return kMeanings[static_cast<std::size_t>(meaning)];
}

}  // namespace

std::string_view colour_of(Meaning meaning) {
  return entry(meaning).colour;
}

std::string_view name_of(Meaning meaning) {
  return entry(meaning).name;
}

std::string_view ink_on(Meaning meaning) {
  return entry(meaning).ink;
}

std::string_view journal_colour() {
  return "#D55E00";
}

std::string_view old_journal_colour() {
  return "#F2C9AD";
}

std::string_view series_colour(std::size_t series) {
  return kSeries[series % std::size(kSeries)];
}

std::string_view series_dashes(std::size_t series) {
  return kDashes[series / std::size(kSeries) % std::size(kDashes)];
}

}  // namespace spindle::chart
