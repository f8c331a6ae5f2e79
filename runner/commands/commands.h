#pragma once

#include <CLI/CLI.hpp>
#include <functional>
#include <string>

namespace medsweep::runner {

/// Which form an answer has. Everything that lists or shows answers in both.
enum class AnswerFormat { kText, kJson };

/// What all commands share. A command stores what it will do in `chosen`; main runs it.
struct CommandLine {
  std::function<int()> chosen;
  std::string runs;  ///< --runs or MEDSWEEP_RUNS
  std::vector<std::string> arguments;
};

/// Each adds one subcommand with its options and help.
void add_run_command(CLI::App& app, CommandLine& line);
void add_plan_command(CLI::App& app, CommandLine& line);
void add_prepare_command(CLI::App& app, CommandLine& line);
void add_export_command(CLI::App& app, CommandLine& line);
void add_inspect_command(CLI::App& app, CommandLine& line);
void add_predict_command(CLI::App& app, CommandLine& line);
void add_ensemble_command(CLI::App& app, CommandLine& line);
void add_table_command(CLI::App& app, CommandLine& line);
void add_zoo_command(CLI::App& app, CommandLine& line);
void add_status_command(CLI::App& app, CommandLine& line);
void add_list_command(CLI::App& app, CommandLine& line);
void add_new_command(CLI::App& app, CommandLine& line);
void add_doctor_command(CLI::App& app, CommandLine& line);
void add_housekeeping_commands(CLI::App& app, CommandLine& line);

/// `--format text|json` for a command.
void add_format_option(CLI::App& command, AnswerFormat& format);

/// Prints to standard output. The only place below main that does.
void print(const std::string& text);

}  // namespace medsweep::runner
