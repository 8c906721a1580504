#include "spindle/format/map_names.h"

#include <array>

namespace spindle::format {
namespace {

// In the order of MapKind.
constexpr auto kNames =
    std::to_array<std::string_view>({"inline", "contiguous", "linked", "fat", "indexed", "extent"});

}  // namespace

std::string_view map_kind_name(MapKind kind) {
  const auto index = static_cast<std::size_t>(kind);
  return index < kNames.size() ? kNames[index] : "unknown";
}

std::span<const std::string_view> strategy_names() {
  return std::span(kNames).subspan(1);
}

std::optional<MapKind> map_kind_named(std::string_view name) {
  for (std::size_t i = 1; i < kNames.size(); ++i) {
    if (kNames[i] == name) return static_cast<MapKind>(i);
  }
  return std::nullopt;
}

}  // namespace spindle::format
