// Facts and tables of facts as control files, each with a .json twin.
//
// A list of facts becomes a folder of files with one value each, and a file `statistics` of all of
// them; a table becomes one file. What makes them is called anew at each read.
#pragma once

#include <functional>
#include <string>
#include <vector>

#include "spindle/chart/facts.h"
#include "spindle/control/control_tree.h"

namespace spindle {

using chart::Fact;
using chart::FactTable;
using chart::to_text;
using chart::Value;

/// Adds `path` and `path`.json, both of them the table.
void add_table(ControlTree& tree, const std::string& path, std::function<Result<FactTable>()> make);
/// Adds `folder`/NAME for each fact that `make` gives now, and `folder`/statistics with its .json
/// twin.
void add_facts(ControlTree& tree, const std::string& folder,
               std::function<std::vector<Fact>()> make);

}  // namespace spindle
