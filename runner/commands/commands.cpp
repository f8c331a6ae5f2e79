#include "runner/commands/commands.h"

#include <cstdio>
#include <map>

namespace medsweep::runner {

void add_format_option(CLI::App& command, AnswerFormat& format) {
  command.add_option("--format", format, "text for people, json for scripts")
      ->transform(CLI::CheckedTransformer(std::map<std::string, AnswerFormat>{
          {"text", AnswerFormat::kText}, {"json", AnswerFormat::kJson}}))
      ->option_text("text|json");
}

void print(const std::string& text) {
  std::fwrite(text.data(), 1, text.size(), stdout);
  if (text.empty() || text.back() != '\n') std::fputc('\n', stdout);
}

}  // namespace medsweep::runner
