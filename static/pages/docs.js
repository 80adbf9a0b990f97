// Swagger UI over this server's own document.
window.SwaggerUIBundle({
  url: "/openapi.json",
  dom_id: "#pages",
  deepLinking: true,
  validatorUrl: null,
  persistAuthorization: false,
});
