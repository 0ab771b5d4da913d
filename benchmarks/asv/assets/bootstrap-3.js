// Gives Bootstrap 5 the names and habits of Bootstrap 3, for which asv's pages are written.
"use strict";

document.addEventListener("DOMContentLoaded", () => {
  // Bootstrap 5 has registered its plugins by now: its own listener was added before this deferred script ran.
  for (const name of ["tooltip", "popover"]) {
    const plugin = $.fn[name];
    $.fn[name] = function (option) {
      if (option === "destroy") return plugin.call(this, "dispose");
      if (typeof option !== "object") return plugin.call(this, option);
      // Version 5 refuses options of another type than the default's, and placements with a second word.
      const settings = { ...option };
      for (const [key, value] of Object.entries(settings)) {
        if (value === undefined) delete settings[key];
      }
      if (typeof settings.animation === "string") settings.animation = settings.animation !== "false";
      if (typeof settings.placement === "string") settings.placement = settings.placement.split(" ")[0];
      return plugin.call(this, settings);
    };
  }
});

document.addEventListener("click", (event) => {
  const target = event.target instanceof Element ? event.target : null;
  const button = target && target.closest('[data-toggle="buttons"] .btn');
  if (button) button.classList.toggle("active");
  const dropdown = target && target.closest('[data-toggle="dropdown"]');
  if (dropdown) bootstrap.Dropdown.getOrCreateInstance(dropdown).toggle();
  const closing = target && target.closest('[data-dismiss="modal"]');
  if (closing) bootstrap.Modal.getOrCreateInstance(closing.closest(".modal")).hide();
});
