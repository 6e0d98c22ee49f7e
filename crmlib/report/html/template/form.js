(() => {
  "use strict";
  for (const field of document.querySelectorAll("form.form select[data-by]")) {
    const other = field.form.elements[field.dataset.by];
    const follow = (event) => {
      for (const group of field.querySelectorAll("optgroup")) {
        group.hidden = group.disabled = group.dataset.of !== other.value;
      }
      const first = field.querySelector("optgroup:not([disabled]) option");
      if (event && first) first.selected = true;
    };
    other.addEventListener("change", follow);
    follow();
  }
})();
