console.info("widget");
