#include "spindle/format/map_names.h"

#include <array>

namespace spindle::format {
namespace {

constexpr std::array<std::string_view, 6> kNames = {"inline", "contiguous", "linked",
                                                    "fat",    "indexed",    "extent"};

}  // namespace

std::string_view map_kind_name(MapKind kind) {
  const auto index = static_cast<std::size_t>(kind);
  return index < kNames.size() ? kNames[index] : "unknown";
}

std::optional<MapKind> map_kind_named(std::string_view name) {
  for (std::size_t i = 1; i < kNames.size(); ++i) {
    if (kNames[i] == name) return static_cast<MapKind>(i);
  }
  return std::nullopt;
}

}  // namespace spindle::format
