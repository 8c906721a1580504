#include "spindle/control/fact_files.h"

namespace spindle {

void add_table(ControlTree& tree, const std::string& path,
               std::function<Result<FactTable>()> make) {
  tree.add_file(path, {.read = [make]() -> Result<std::string> { return TRY(make()).text(); }});
  tree.add_file(path + ".json",
                {.read = [make]() -> Result<std::string> { return TRY(make()).json(); }});
}

void add_facts(ControlTree& tree, const std::string& folder,
               std::function<std::vector<Fact>()> make) {
  const std::vector<Fact> now = make();
  for (std::size_t i = 0; i < now.size(); ++i) {
    tree.add_file(folder + "/" + now[i].name, {.read = [make, i]() -> Result<std::string> {
                    return to_text(make()[i].value) + "\n";
                  }});
  }
  tree.add_file(folder + "/statistics",
                {.read = [make]() -> Result<std::string> { return facts_text(make()); }});
  tree.add_file(folder + "/statistics.json",
                {.read = [make]() -> Result<std::string> { return facts_json(make()); }});
}

}  // namespace spindle
