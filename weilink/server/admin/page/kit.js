// The shared parts under short names.
import { tags } from "/assets/web/ui.js";

export * from "/assets/web/ui.js";
export const { button } = tags;
