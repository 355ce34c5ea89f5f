// What the theme leaves without a right name for those who listen to a page.
document.addEventListener("DOMContentLoaded", () => {
  const misnamed = ".search-button-field[aria-label], summary[aria-label='Toggle hidden content']"; // their text says more
  document.querySelectorAll(misnamed).forEach((element) => element.removeAttribute("aria-label"));
  document.querySelectorAll(".bd-sidebar-primary summary").forEach((element) => element.setAttribute("aria-label", "Pages below"));
  document.querySelectorAll(".citation-list[role]").forEach((list) => list.removeAttribute("role")); // its entries have roles
});
