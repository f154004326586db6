/** Prints what a measurement says, and only that; what failed goes to standard error. */
import type { FullResult, Reporter, TestCase, TestError, TestResult } from "@playwright/test/reporter";

export default class Figures implements Reporter {
  printsToStdio(): boolean {
    return true;
  }

  onStdOut(text: string | Buffer): void {
    process.stdout.write(text);
  }

  onTestEnd(test: TestCase, { errors }: TestResult): void {
    errors.forEach((error) => process.stderr.write(`${test.title}: ${error.stack ?? error.message}\n`));
  }

  onError(error: TestError): void {
    process.stderr.write(`${error.stack ?? error.message}\n`);
  }

  onEnd({ status }: FullResult): void {
    if (status !== "passed") process.stderr.write("a measurement failed: these are no figures\n");
  }
}
