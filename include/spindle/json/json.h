// nlohmann's JSON, compiled once: what every value has in common (to write it, to destroy it, to
// look into it) stands in this layer, and not once more in each source that has JSON.
#pragma once

#include <nlohmann/json.hpp>

extern template class nlohmann::basic_json<>;
extern template class nlohmann::detail::serializer<nlohmann::json>;
