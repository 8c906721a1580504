// The names by which people call the allocation strategies.
#pragma once

#include <optional>
#include <span>
#include <string_view>

#include "spindle/format/inode.h"

namespace spindle::format {

/// "contiguous", "linked", "fat", "indexed", "extent"; "inline"; "unknown" for no such number.
std::string_view map_kind_name(MapKind kind);
/// Those of the strategies: all but "inline".
std::span<const std::string_view> strategy_names();
/// The strategy of that name; nothing if there is none, or if it maps no blocks ("inline").
std::optional<MapKind> map_kind_named(std::string_view name);

}  // namespace spindle::format
