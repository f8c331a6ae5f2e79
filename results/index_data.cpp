#include "results/index.h"
#include "results/index_state.h"

namespace medsweep::results {

std::vector<TrialEntry> Index::trials() const {
  SQLite::Statement rows(*state_->database,
                         "SELECT s.text, n.text, t.name, t.knobs FROM trials t JOIN names s ON "
                         "s.id=t.study JOIN names n ON n.id=t.trial ORDER BY 1, 3, 2");
  std::vector<TrialEntry> trials;
  while (rows.executeStep())
    trials.push_back({rows.getColumn(0).getString(), rows.getColumn(1).getString(),
                      rows.getColumn(2).getString(), rows.getColumn(3).getString()});
  return trials;
}

std::vector<DataEntry> Index::data(const std::string& trial) const {
  SQLite::Statement rows(*state_->database,
                         "SELECT s.text, f.text, d.digest FROM data d JOIN names s ON "
                         "s.id=d.dataset JOIN names f ON f.id=d.file WHERE d.trial="
                         "(SELECT id FROM names WHERE text=?) ORDER BY 1, 2");
  rows.bind(1, trial);
  std::vector<DataEntry> files;
  while (rows.executeStep())
    files.push_back({rows.getColumn(0).getString(), rows.getColumn(1).getString(),
                     rows.getColumn(2).getString()});
  return files;
}

std::map<std::string, std::string> Index::split(const std::string& split) const {
  SQLite::Statement rows(*state_->database,
                         "SELECT n.text, p.text FROM splits s JOIN names n ON n.id=s.sample "
                         "JOIN names p ON p.id=s.part WHERE s.split="
                         "(SELECT id FROM names WHERE text=?)");
  rows.bind(1, split);
  std::map<std::string, std::string> parts;
  while (rows.executeStep()) parts[rows.getColumn(0).getString()] = rows.getColumn(1).getString();
  return parts;
}

}  // namespace medsweep::results
